"""The client of the covers' bucket, of dagster-aws: for runs that look at covers, and for no code server."""

from functools import cache
from typing import Any

from boto3.session import Session
from dagster_aws.s3 import S3Resource

from ingram_assets.covers.bucket import client_config


@cache
def s3_session() -> Session:
    """One a process: its first client reads a megabyte of what boto3 knows, which it keeps for the others."""
    return Session()


class R2Client(S3Resource):
    """dagster-aws' resource, for Cloudflare R2."""

    def get_client(self) -> Any:
        """A boto3 client with the time limits and checksum rules that R2 wants."""
        return s3_session().client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name=self.region_name,
            aws_access_key_id=self.aws_access_key_id,
            aws_secret_access_key=self.aws_secret_access_key,
            config=client_config(),
        )
