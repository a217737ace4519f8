"""`python -m toolbox.bucket DIRECTORY BUCKET PREFIX`: puts a model's files into a bucket of an S3 server.

The server and the keys are those of the environment: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and the like.
"""

import argparse
import os
from pathlib import Path

import boto3


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="toolbox.bucket", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("bucket")
    parser.add_argument("prefix")
    arguments = parser.parse_args(words)
    client = boto3.client("s3", region_name=os.environ.get("AWS_REGION", "us-east-1"))
    if arguments.bucket not in {each["Name"] for each in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=arguments.bucket)
    for path in sorted(arguments.directory.rglob("*")):
        if path.is_file():
            key = f"{arguments.prefix}/{path.relative_to(arguments.directory)}"
            client.upload_file(str(path), arguments.bucket, key)
            print(f"s3://{arguments.bucket}/{key}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
