"""Programs that people have, each for a real round: put, list, get and compare, large and by range, delete."""

import configparser
import hashlib
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[3] / ".tools" / "usr" / "bin"
LARGE = 20 << 20


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "large ü.bin"
    path.write_bytes(random.Random(7).randbytes(LARGE))
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory, large):
    """A tree with names that need escapes, an empty file, and a large one."""
    root = tmp_path_factory.mktemp("tree")
    for at, name in enumerate(["a.txt", "with space.txt", "ümlaut/ñ&+%=.txt", "deep/er/x", "empty"]):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "empty" else name.encode() * (at + 1))
    shutil.copy(large, root / "large.bin")
    return root


def same_trees(one, other):
    def digest(root):
        files = (path for path in sorted(root.rglob("*")) if path.is_file())
        return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    assert digest(one) == digest(other)


def environment(owner, **more):
    secret = owner.secret.reveal().decode()
    named = {"AWS_ACCESS_KEY_ID": owner.id, "AWS_SECRET_ACCESS_KEY": secret, "AWS_DEFAULT_REGION": "us-east-1"}
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "AWS_EC2_METADATA_DISABLED": "true", **named, **more}


def run(*command, env, **options):
    done = subprocess.run([str(part) for part in command], env=env, capture_output=True, timeout=900, **options)
    assert done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace")[-3000:]
    return done.stdout.decode()


def tool(name):
    path = TOOLS / name
    if not path.exists():
        pytest.skip(f"{name} is not here; script/tools fetches it where there is apt")
    return path


def test_boto3_transfers_in_parts(s3, large, tmp_path):
    s3.create_bucket(Bucket="boto3")
    s3.upload_file(str(large), "boto3", "large")
    assert s3.head_object(Bucket="boto3", Key="large")["ETag"].endswith('-3"')
    s3.download_file("boto3", "large", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == large.read_bytes()
    part = s3.get_object(Bucket="boto3", Key="large", Range=f"bytes={(8 << 20) - 5}-{(8 << 20) + 4}")["Body"].read()
    assert part == large.read_bytes()[(8 << 20) - 5 : (8 << 20) + 5]
    s3.copy({"Bucket": "boto3", "Key": "large"}, "boto3", "copied")
    assert s3.get_object(Bucket="boto3", Key="copied")["Body"].read() == large.read_bytes()


def test_boto3_presigned(s3, door, owner):
    s3.create_bucket(Bucket="presigned")
    put = s3.generate_presigned_url("put_object", {"Bucket": "presigned", "Key": "a b"}, ExpiresIn=60)
    get = s3.generate_presigned_url("get_object", {"Bucket": "presigned", "Key": "a b"}, ExpiresIn=60)
    if "X-Amz-Algorithm" not in put:  # the client's default for presigning may still be the old signature
        client = door.boto(owner, signature_version="s3v4")
        put = client.generate_presigned_url("put_object", {"Bucket": "presigned", "Key": "a b"}, ExpiresIn=60)
        get = client.generate_presigned_url("get_object", {"Bucket": "presigned", "Key": "a b"}, ExpiresIn=60)
    path = put.removeprefix(door.url)
    assert door.ask("PUT", path, b"signed by the URL")[0] == 200
    assert door.ask("GET", get.removeprefix(door.url))[2] == b"signed by the URL"
    assert door.ask("GET", get.removeprefix(door.url).replace("a%20b", "a"))[0] == 403


def test_awscli(door, owner, files, tmp_path):
    env = environment(owner, AWS_ENDPOINT_URL=door.url, HOME=str(tmp_path))

    def aws(*arguments):
        return run(sys.executable, "-m", "awscli", *arguments, env=env)

    aws("s3", "mb", "s3://awscli")
    aws("s3", "sync", "--only-show-errors", files, "s3://awscli/tree")
    assert "deep/" in aws("s3", "ls", "s3://awscli/tree/")
    aws("s3", "sync", "--only-show-errors", "s3://awscli/tree", tmp_path / "back")
    same_trees(files, tmp_path / "back")
    aws("s3api", "put-bucket-versioning", "--bucket", "awscli", "--versioning-configuration", "Status=Enabled")
    aws("s3", "rm", "--only-show-errors", "--recursive", "s3://awscli/tree")
    assert "DeleteMarkers" in aws("s3api", "list-object-versions", "--bucket", "awscli")


def test_s3cmd(door, owner, files, tmp_path):
    config = configparser.RawConfigParser()
    config["default"] = {
        "access_key": owner.id,
        "secret_key": owner.secret.reveal().decode(),
        "host_base": f"127.0.0.1:{door.port}",
        "host_bucket": f"127.0.0.1:{door.port}",
        "use_https": "False",
        "multipart_chunk_size_mb": "6",
    }
    with (tmp_path / "s3cfg").open("w") as file:
        config.write(file)

    def s3cmd(*arguments):
        command = Path(sys.executable).with_name("s3cmd")
        return run(sys.executable, command, "-c", tmp_path / "s3cfg", *arguments, env=environment(owner))

    s3cmd("mb", "s3://s3cmd")
    s3cmd("sync", "--no-progress", f"{files}/", "s3://s3cmd/tree/")
    assert "large.bin" in s3cmd("ls", "--recursive", "s3://s3cmd")
    (tmp_path / "back").mkdir()
    s3cmd("sync", "--no-progress", "s3://s3cmd/tree/", f"{tmp_path / 'back'}/")
    same_trees(files, tmp_path / "back")
    assert "s3cmd" in s3cmd("info", "s3://s3cmd")
    s3cmd("modify", "--add-header=x-amz-meta-colour:blue", "s3://s3cmd/tree/a.txt")
    assert "blue" in s3cmd("info", "s3://s3cmd/tree/a.txt")
    s3cmd("rb", "--recursive", "--force", "s3://s3cmd")


def test_s3fs(door, owner, large):
    import s3fs

    files = s3fs.S3FileSystem(
        key=owner.id, secret=owner.secret.reveal().decode(), endpoint_url=door.url, skip_instance_cache=True,
        use_listings_cache=False,
    )  # fmt: skip
    files.mkdir("s3fs-files")
    with files.open("s3fs-files/a/large", "wb", block_size=6 << 20) as file:
        file.write(large.read_bytes())
    with files.open("s3fs-files/a/large", "rb") as file:
        file.seek(LARGE - 5)
        assert file.read() == large.read_bytes()[-5:]
    assert files.cat("s3fs-files/a/large") == large.read_bytes()
    files.pipe("s3fs-files/b/small", b"x")
    assert files.find("s3fs-files") == ["s3fs-files/a/large", "s3fs-files/b/small"]
    assert files.ls("s3fs-files") == ["s3fs-files/a", "s3fs-files/b"]
    files.mv("s3fs-files/b/small", "s3fs-files/b/ü")
    assert files.exists("s3fs-files/b/ü")
    files.rm("s3fs-files", recursive=True)
    assert not files.exists("s3fs-files")


def test_rclone(door, owner, files, tmp_path):
    rclone = tool("rclone")
    named = {"TYPE": "s3", "PROVIDER": "Other", "ENV_AUTH": "true", "ENDPOINT": door.url, "CHUNK_SIZE": "6M"}
    remote = {f"RCLONE_CONFIG_DOOR_{name}": value for name, value in named.items()}
    env = environment(owner, RCLONE_CONFIG=str(tmp_path / "none"), RCLONE_S3_UPLOAD_CUTOFF="8M", **remote)
    run(rclone, "mkdir", "door:rclone", env=env)
    run(rclone, "sync", files, "door:rclone/tree", env=env)
    run(rclone, "check", "--download", files, "door:rclone/tree", env=env)
    assert "large.bin" in run(rclone, "lsf", "-R", "door:rclone/tree", env=env)
    run(rclone, "sync", "door:rclone/tree", tmp_path / "back", env=env)
    same_trees(files, tmp_path / "back")
    assert run(rclone, "cat", "--offset", "5", "--count", "3", "door:rclone/tree/with space.txt", env=env) == "spa"
    run(rclone, "moveto", "door:rclone/tree/a.txt", "door:rclone/tree/moved.txt", env=env)
    run(rclone, "purge", "door:rclone", env=env)
    assert run(rclone, "lsf", "door:", env=env).count("rclone/") == 0


def test_restic(door, owner, files, tmp_path):
    restic = tool("restic")
    named = {"REPOSITORY": f"s3:{door.url}/restic", "PASSWORD": "a test", "CACHE_DIR": str(tmp_path / "cache")}
    env = environment(owner, **{f"RESTIC_{name}": value for name, value in named.items()})
    run(restic, "init", env=env)
    run(restic, "backup", ".", env=env, cwd=files)
    run(restic, "check", "--read-data", env=env)
    run(restic, "restore", "latest", "--target", tmp_path / "back", env=env)
    same_trees(files, tmp_path / "back")
    run(restic, "forget", "latest", "--prune", env=env)
