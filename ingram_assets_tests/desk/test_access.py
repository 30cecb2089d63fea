"""Who may do what at the desk: scopes, a store's own locations, revocation, and how often one may ask."""

import json
import re

import psycopg
import pytest
from click.testing import CliRunner

from ingram_assets.cli.main import main
from ingram_assets.desk.access import FAILURES_PER_MINUTE
from ingram_assets_tests.testing.desk import DeskShop, Program, running_desk

pytestmark = pytest.mark.xdist_group("medusa")

STORE, ADMIN = "store/inventory", "admin/inventory"


def kind(answer) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["kind"]


def test_without_a_token_there_is_health_and_the_description_alone(desk: DeskShop):
    nobody = desk.with_token("none")
    del nobody.http.headers["Authorization"]
    assert nobody.http.get("/healthz").json() == {"status": "ok"}
    assert nobody.http.get("/api/v1/openapi.json").json()["openapi"].startswith("3.")
    for path in ("/", "/docs", "/healthz/", "/api"):
        assert nobody.http.get(path).status_code == 401
    for path in ("/api/v1/store/inventory", "/api/v1/nothing", "/api/"):
        answer = nobody.http.get(path)
        assert kind(answer) == (401, "sign_in_needed")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert kind(nobody.http.post("/api/v1/store/inventory/set", content=b"{no json")) == (
        401,
        "sign_in_needed",
    )


def test_a_reader_changes_nothing(desk: DeskShop):
    isbn = desk.title(cellar=5)
    reader = desk.program("read")
    assert reader.json(f"{ADMIN}/products/{isbn}")["total_quantity"] == 12
    body = {"product_id": isbn, "location": "CELLAR", "quantity": 1}
    for path in (STORE, ADMIN):
        assert kind(reader.post(f"{path}/set", **body)) == (403, "forbidden")
    assert desk.level(isbn, "cellar") == (5, 0)


def test_a_store_sees_and_changes_its_own_locations_alone(desk: DeskShop, boss: Program):
    isbn = desk.title(cellar=5, booth=6)
    fair = desk.program("store", "Fair")
    assert kind(fair.get(f"{ADMIN}/stats")) == (403, "forbidden")
    assert {one["location"] for one in fair.json(STORE, limit=1000)["items"]} == {"BOOTH"}
    assert fair.json(f"{STORE}/product/{isbn}")["total_quantity"] == 6
    # A title of other stores alone is not there, nor is it told as the nearest.
    others = desk.title(cellar=5)
    assert boss.json(f"{STORE}/product/{others}")["total_quantity"] == 12
    assert kind(fair.get(f"{STORE}/product/{others}")) == (404, "unknown_title")
    mistyped = others[:-1] + str((int(others[-1]) + 1) % 10)
    assert others in boss.get(f"{STORE}/product/{mistyped}").json()["detail"]
    assert others not in fair.get(f"{STORE}/product/{mistyped}").json()["detail"]
    foreign = next(
        one["id"] for one in boss.json(f"{STORE}/product/{isbn}")["entries"] if one["location"] == "CELLAR"
    )
    for answer in (
        fair.get(f"{STORE}/{foreign}"),
        fair.write("PUT", f"{STORE}/{foreign}", {"quantity": 1}),
        fair.write("DELETE", f"{STORE}/{foreign}"),
    ):
        assert kind(answer) == (404, "unknown_entry")
    for location in ("CELLAR", desk.places["cellar"]):
        body = {"product_id": isbn, "location": location, "quantity": 1}
        answer = fair.post(f"{STORE}/set", **body)
        assert kind(answer) == (409, "unknown_location")
        assert "CELLAR" not in answer.json()["detail"].partition(".")[2]
    move = {"product_id": isbn, "location": "BOOTH", "target_location": "CELLAR", "quantity": 1}
    assert kind(fair.post(f"{STORE}/transfer", **move)) == (409, "unknown_location")
    assert fair.post(f"{STORE}/set", product_id=isbn, location="booth", quantity=1).status_code == 200
    assert (desk.level(isbn, "cellar"), desk.level(isbn, "booth")) == ((5, 0), (1, 0))


def test_a_store_id_bounds_what_an_admin_sets(desk: DeskShop, boss: Program):
    isbn = desk.title(booth=6)
    body = {"product_id": isbn, "location": "BOOTH", "quantity": 2}
    assert kind(boss.post(f"{ADMIN}/set", **body, store_id="Online Store")) == (409, "unknown_location")
    answer = boss.post(f"{ADMIN}/set", **body, store_id="Fairy")
    assert kind(answer) == (409, "unknown_store")
    assert "The nearest: Fair." in answer.json()["detail"]
    assert boss.post(f"{ADMIN}/adjust", **body, store_id="fair").json()["after"]["quantity"] == 8


def test_a_token_is_revoked_at_once(desk: DeskShop):
    program = desk.program("admin")
    assert program.get(STORE).status_code == 200
    name = desk.tokens.all()[-1].name
    assert desk.tokens.all()[-1].last_used_at
    desk.tokens.revoke(name)
    assert kind(program.get(STORE)) == (401, "sign_in_needed")


def test_a_token_may_ask_so_often(desk: DeskShop, journal_url: str):
    with running_desk(desk.bench.shop.medusa, journal_url, per_minute=3) as url:
        slow = DeskShop(url, desk.bench, desk.tokens, desk.places, desk.channels)
        program, other = slow.program("read"), slow.program("read")
        answers = [program.get("nothing") for _ in range(4)]
        assert [one.status_code for one in answers] == [404, 404, 404, 429]
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 60
        assert other.get("nothing").status_code == 404


def test_who_guesses_has_to_wait(desk: DeskShop, journal_url: str):
    with running_desk(desk.bench.shop.medusa, journal_url) as url:
        shop = DeskShop(url, desk.bench, desk.tokens, desk.places, desk.channels)
        known = shop.program("read")
        assert known.get(STORE).status_code == 200
        guess = shop.with_token("ingram_0123456789ab_" + "x" * 43)
        answers = [guess.get(STORE).status_code for _ in range(FAILURES_PER_MINUTE + 1)]
        assert answers == [401] * FAILURES_PER_MINUTE + [429]
        assert known.get(STORE).status_code == 200, "the token of somebody else at the same address"
        assert shop.program("read").get(STORE).status_code == 200, "also one that nobody has sent before"


def test_tokens_at_the_terminal(desk: DeskShop, journal_url: str, monkeypatch, tmp_path):
    medusa = desk.bench.shop.medusa
    for name, value in {
        "INGRAM_ENV_DIR": str(tmp_path),
        "MEDUSA_BACKEND_URL": medusa.url,
        "MEDUSA_EMAIL": medusa.email,
        "MEDUSA_PASSWORD": medusa.password,
        "QUEUE_DB_URL": "postgresql://nobody@127.0.0.1:1/queue",
        "STOREFRONT_DB_URL": journal_url,
    }.items():
        monkeypatch.setenv(name, value)

    def token(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(main, ["token", *words])
        assert done.exit_code == code, done.output
        return done.stdout if code == 0 else done.output

    made = json.loads(token("create", "--name", "till", "--scope", "store:FAIR", "--json"))
    assert (made["scope"], made["channel_id"]) == ("store", desk.channels["Fair"])
    till = desk.with_token(made["token"])
    assert till.get(STORE).status_code == 200
    assert re.fullmatch(
        r"ingram_[0-9a-f]{12}_[\w-]{43}\n", token("create", "--name", "eye", "--scope", "read")
    )
    assert "store:Fair" in token("list")
    assert "take another name" in token("create", "--name", "till", "--scope", "admin", code=2)
    assert "The nearest: Fair" in token("create", "--name", "x", "--scope", "store:Fare", code=2)
    for scope in ("store", "store:", "write", "admin:Fair"):
        token("create", "--name", "x", "--scope", scope, code=2)
    token("revoke", "till")
    assert kind(till.get(STORE)) == (401, "sign_in_needed")
    assert "no token" in token("revoke", "nobody", code=1)
    with psycopg.connect(journal_url) as connection:
        rows = connection.execute("SELECT desk_token::text FROM desk_token").fetchall()
    secret = made["token"].split("_", 2)[2]  # It may have that sign itself.
    assert rows
    assert not [row for row in rows if secret in row[0]]
