"""The embedded bucket takes signed writes and gives public reads, at once."""

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from ingram_demo.embedded.s3 import S3


def client(s3: S3, secret: str):
    return boto3.client(
        "s3",
        endpoint_url=s3.endpoint,
        aws_access_key_id=s3.key,
        aws_secret_access_key=secret,
        region_name="auto",
    )


def test_a_cover_is_public_as_soon_as_it_is_stored(s3: S3) -> None:
    address = f"{s3.public_url}/covers/raw/9780451496454.jpg"
    assert httpx.get(address, timeout=60).status_code == 404
    client(s3, s3.secret).put_object(
        Bucket=s3.bucket, Key="covers/raw/9780451496454.jpg", Body=b"\xff\xd8\xff", ContentType="image/jpeg"
    )
    read = httpx.get(address, timeout=60)
    assert read.status_code == 200
    assert (read.content, read.headers["content-type"]) == (b"\xff\xd8\xff", "image/jpeg")


def test_writing_needs_the_secret(s3: S3) -> None:
    with pytest.raises(ClientError):
        client(s3, "not the secret").put_object(Bucket=s3.bucket, Key="x", Body=b"x")
    assert httpx.put(f"{s3.public_url}/x", content=b"x", timeout=60).status_code in {403, 404, 405}
    assert httpx.get(f"{s3.public_url}/x", timeout=60).status_code == 404
