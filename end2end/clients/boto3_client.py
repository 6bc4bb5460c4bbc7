"""Runs rooms as a Python backend does, by boto3: `boto3_client.py ENDPOINT ACCESS_KEY_ID SECRET_ACCESS_KEY USER_ID`.

Every answer is checked; the first that is wrong ends it. The last line of its output is a chat token for that user of room 1.
"""

import datetime
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import boto3
import botocore.auth
from botocore.config import Config
from botocore.exceptions import ClientError

ROOM = "arn:aws:ivschat:local:000000000000:room/1"


def client(endpoint, key, secret):
    """Returns a client that retries nothing, so that each error is seen."""
    return boto3.client(
        "ivschat",
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )


def refused(call, code, status, **more):
    """Checks that a call fails with that code."""
    try:
        call()
    except ClientError as error:
        answer = error.response
        found = (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"])
        assert found == (code, status), answer
        assert answer["ResponseMetadata"]["RequestId"], answer
        for name, value in more.items():
            assert answer[name] == value, answer
        return answer
    raise AssertionError(f"{code} was expected")


def run_rooms(ivs):
    made = []
    for n in range(3):
        room = ivs.create_room(name=f"python-{n}", maximumMessageLength=20 + n, tags={"n": str(n)})
        assert (room["maximumMessageLength"], room["maximumMessageRatePerSecond"], room["tags"]) == (20 + n, 10, {"n": str(n)}), room
        assert isinstance(room["createTime"], datetime.datetime), room
        made.append(room["arn"])
    pages, token = [], {}
    while True:
        page = ivs.list_rooms(maxResults=2, **token)
        pages.append([room["arn"] for room in page["rooms"]])
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    listed = sum(pages, [])
    assert len(pages) > 1 and len(set(listed)) == len(listed) and {ROOM, *made} <= set(listed), pages
    assert [room["arn"] for room in ivs.list_rooms(name="python-1")["rooms"]] == [made[1]]

    handler = {"uri": "https://review.example/", "fallbackResult": "DENY"}
    ivs.update_room(identifier=made[0], name="renamed", maximumMessageRatePerSecond=7, messageReviewHandler=handler)
    room = ivs.get_room(identifier=made[0])
    assert (room["name"], room["maximumMessageRatePerSecond"], room["messageReviewHandler"]) == ("renamed", 7, handler), room
    found = ivs.list_rooms(messageReviewHandlerUri=handler["uri"])["rooms"]
    assert [room["arn"] for room in found] == [made[0]], found
    assert "messageReviewHandler" not in ivs.update_room(identifier=made[0], messageReviewHandler={"uri": ""})
    for arn in made:
        ivs.delete_room(identifier=arn)
        refused(lambda: ivs.get_room(identifier=arn), "ResourceNotFoundException", 404, resourceId=arn, resourceType="ROOM")


def change_tags(ivs):
    ivs.tag_resource(resourceArn=ROOM, tags={"stage": "a / b : ü", "empty": "", "x": "1"})
    ivs.untag_resource(resourceArn=ROOM, tagKeys=["x", "empty"])
    assert ivs.list_tags_for_resource(resourceArn=ROOM)["tags"] == {"stage": "a / b : ü"}


def tell_and_moderate(ivs, user):
    sent = ivs.send_event(roomIdentifier=ROOM, eventName="app:POLL", attributes={"question": "why?"})
    assert re.fullmatch("[0-9a-zA-Z]{12}", sent["id"]), sent
    ivs.disconnect_user(roomIdentifier=ROOM, userId=user, reason="rude")
    missing = {"roomIdentifier": ROOM, "id": "00000000000z"}
    refused(lambda: ivs.delete_message(**missing), "ResourceNotFoundException", 404, resourceId="00000000000z")


def meet_errors(ivs):
    wrong = {"name": "a b", "maximumMessageRatePerSecond": 101}
    answer = refused(lambda: ivs.create_room(**wrong), "ValidationException", 400, reason="FIELD_VALIDATION_FAILED")
    assert [field["name"] for field in answer["fieldList"]] == ["name", "maximumMessageRatePerSecond"], answer
    refused(lambda: ivs.get_room(identifier="1"), "ValidationException", 400)
    refused(lambda: ivs.create_chat_token(roomIdentifier=ROOM, userId="x" * 129), "ValidationException", 400)
    assert ivs.list_logging_configurations()["loggingConfigurations"] == []
    logs = {"destinationConfiguration": {"s3": {"bucketName": "bucket"}}}
    refused(lambda: ivs.create_logging_configuration(**logs), "ValidationException", 400, reason="OTHER")
    missing = "arn:aws:ivschat:eu-west-1:123456789012:logging-configuration/none"
    kind = "LOGGING_CONFIGURATION"
    refused(lambda: ivs.get_logging_configuration(identifier=missing), "ResourceNotFoundException", 404, resourceType=kind)

    def code(_):
        try:
            ivs.list_rooms()
        except ClientError as error:
            return error.response["Error"]["Code"]

    codes = set()
    while not codes - {None}:
        # More at once than are let through in a second.
        with ThreadPoolExecutor(10) as pool:
            codes = set(pool.map(code, range(10)))
    assert codes - {None} == {"ThrottlingException"}, codes


def meet_signature_errors(endpoint, key, secret):
    rows = [(key, "another secret access key", "SignatureDoesNotMatch"), ("AKIDOTHER", secret, "UnrecognizedClientException")]
    for other_key, other_secret, code in rows:
        other = client(endpoint, other_key, other_secret)
        refused(lambda: other.list_tags_for_resource(resourceArn=ROOM), code, 403)
    now = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda *given: now(*given) - datetime.timedelta(minutes=16)
    refused(lambda: client(endpoint, key, secret).list_tags_for_resource(resourceArn=ROOM), "RequestTimeTooSkewed", 403)
    botocore.auth.get_current_datetime = now


def main(endpoint, key, secret, user):
    ivs = client(endpoint, key, secret)
    run_rooms(ivs)
    change_tags(ivs)
    tell_and_moderate(ivs, user)
    meet_errors(ivs)
    meet_signature_errors(endpoint, key, secret)
    token = ivs.create_chat_token(
        roomIdentifier=ROOM, userId=user, capabilities=["SEND_MESSAGE"], attributes={"username": "From Python"}
    )
    in_59_minutes = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=59)
    assert token["tokenExpirationTime"] == token["sessionExpirationTime"] > in_59_minutes, token
    print(token["token"])


if __name__ == "__main__":
    main(*sys.argv[1:])
