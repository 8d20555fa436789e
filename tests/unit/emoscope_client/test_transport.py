from emoscope_client.address import Address
from emoscope_client.steps import Call
from emoscope_client.transport import make_headers, make_request


def test_connecting_takes_ten_seconds_at_most_and_the_answer_what_the_call_says() -> None:
    made = make_request(Address("http://api/prefix", "key"), {}, Call("GET", "/v1/jobs", timeout_s=90))
    assert made["url"] == "http://api/prefix/v1/jobs"
    assert made["timeout"] == (10, 90, 90, 90)


def test_the_headers_of_a_call_join_those_of_every_request() -> None:
    headers = make_headers(Address("http://api", "key"))
    made = make_request(Address("http://api", "key"), headers, Call("GET", "/", headers={"Prefer": "wait=1"}))
    assert made["headers"] == {**headers, "Prefer": "wait=1"}
    assert headers["Authorization"] == "Bearer key"
