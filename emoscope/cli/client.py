"""Opens the client for commands: on the service in the settings, or on this machine's stack."""

from emoscope.cli.program import name_program
from emoscope.cli.terminal import read_settings
from emoscope_client import Client, NoAddress, Retries
from emoscope_client.address import find_address


def open_client(retries: Retries | None = None) -> Client:
    """Return a client of the service in the settings, including `.env`. Raises NoAddress, InvalidAddress.

    retries: overrides the client's default.
    """
    settings = read_settings()
    try:
        address = find_address(settings.api_url, settings.api_key.get_secret_value(), settings.data_dir)
    except NoAddress as error:
        raise NoAddress(
            f"no address or no key: start a stack with `{name_program()} up`, or set EMOSCOPE_API_URL and EMOSCOPE_API_KEY"
        ) from error
    return Client(address.api_url, address.api_key, retries=retries)
