"""The S3 door: a vault behind the protocol of boto3, awscli, rclone, s3cmd, restic and s3fs (docs/howto/s3.md).

What passes through is encrypted by the vault, on this side; stores see fragments. The way of a request:

application   one request: who, what, may they; bodies in blocks; errors as S3 words them     serving   with uvicorn
sending       answers on their way out              straight    large ones from a thread
workers       several processes of one door         changes     word of buckets between them
together      small puts in batches
request       names and headers read once         routes      which operation                 call      what it is given
signing       SigV4                               chunked     bodies in signed chunks         body      checked bodies
access_keys   a file of the home                  access      roles, policy, ACL              policy    JSON statements
objects putting multipart listing buckets tagging locking cors lifecycle documents            the operations
quotas        what a bucket may hold       giving      an access key into a bucket, by its policy
shared        the same door over shares that were received, to be read
options finding sources conditions checksums encoding xml errors                              what they share
registry      buckets and uploads in the catalogue
"""

from bailee.server.s3.access_keys import AccessKey, Role, access_keys, new_access_key, remove_access_key
from bailee.server.s3.application import Application, application
from bailee.server.s3.lifecycle import Expired, expire
from bailee.server.s3.serving import serve, serve_shares, server
from bailee.server.s3.shared import shared_application
from bailee.server.s3.workers import serve_workers

__all__ = [
    "AccessKey",
    "Application",
    "Expired",
    "Role",
    "access_keys",
    "application",
    "expire",
    "new_access_key",
    "remove_access_key",
    "serve",
    "serve_shares",
    "serve_workers",
    "server",
    "shared_application",
]
