from apiflask import APIFlask


def test_the_document_has_every_event_and_the_headers_of_its_call(app: APIFlask) -> None:
    document = app.test_client().get("/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    described = document["webhooks"]["batch.finished"]["post"]
    assert [each["name"] for each in described["parameters"]] == [
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    ]
    body = described["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["data"]["$ref"].rpartition("/")[2] in document["components"]["schemas"]
