"""The site's style sheet, and the bot wall's script that every healthy page loads."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

STYLE = """
body { font: 14px/1.45 Arial, Helvetica, sans-serif; color: #222; margin: 0 }
#header { background: #00395d; color: #fff; padding: 10px 20px; display: flex; gap: 24px }
#header a { color: #fff; text-decoration: none } #header .navbar-brand { font-size: 20px; font-weight: bold }
#header ul { list-style: none; display: flex; gap: 18px; margin: 0; padding: 0 }
#header ul ul { display: none }
#content { max-width: 960px; margin: 24px auto; padding: 0 20px } #footer { color: #777; text-align: center }
.login-panel { max-width: 360px; margin: 40px auto }
.form-control { width: 100%; padding: 6px; margin: 4px 0 12px }
.btn { padding: 8px 16px; border: 1px solid #00395d; background: #fff; cursor: pointer }
.btn-primary { background: #00395d; color: #fff } .btn-block { width: 100% } .errorMessage { color: #b00020 }
.productDetailImage { float: left; margin: 0 24px 24px 0 } .productDetailTitle { font-size: 22px }
.productDetailMessage { color: #b00020 } .stockCheck { clear: both } table { border-collapse: collapse }
th, .scTabledata, .searchResults td { border: 1px solid #ccc; padding: 3px 12px }
.relatedTitles { margin-top: 24px; color: #555 } .panel { margin: 4px 0 } .panel-heading { font-weight: bold }
"""


async def style(request: Request) -> Response:
    return Response(STYLE, media_type="text/css")


async def bot_wall_script(request: Request) -> Response:
    return Response("(function(){})();", media_type="application/javascript")


ROUTES = [Route("/ipage/assets/ipage.css", style), Route("/_Incapsula_Resource", bot_wall_script)]
