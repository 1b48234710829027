"""Files of a Slack workspace: what events tell of them, and downloading them."""

import aiohttp
import msgspec
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from bots.slack.failures import slack_errors
from core.border import clean, set_aside
from core.credentials import Credential, within
from core.errors import AddressRefused, AttachmentLost, AttachmentTooLarge
from core.messages import Attachment
from core.net.bounded_body import read_up_to
from core.net.urls import joined, origin_of, read_url
from core.words import file_name

DOMAINS = ("slack.com",)
"""Hosts that get the token: `files.slack.com`; on Grid `files-origin.` and `TEAM.slack.com`."""
_WITHOUT_TOKEN = ("slack-edge.com", "slack-files.com")
"""Hosts of Slack's signed addresses. These need no token."""
_REDIRECTS = (301, 302, 303, 307, 308)
HOPS = 3
MOST_FILES = 20
"""At most so many files of one message are looked at."""
DOWNLOAD_S = 60.0

_NAMED_ONLY = {
    "external": "it lies outside of Slack",
    "tombstone": "it was deleted",
    "hidden_by_limit": "the workspace's plan hides it",
    "file_access": "Slack does not let me see it",
}
ASK, _NONE = "info:", "none:"


class File(msgspec.Struct):
    """A file object. Source: docs.slack.dev, "File object" (`mode`), and Slack Connect's
    `file_access`.
    """

    id: str = ""
    name: str | None = ""
    mimetype: str | None = ""
    size: int | None = 0
    mode: str | None = None
    is_external: bool | None = False
    file_access: str | None = None
    url_private_download: str | None = ""
    url_private: str | None = ""


def attachments_of(files: object) -> tuple[Attachment, ...]:
    """The attachments among *files* of an event. What cannot be read is set aside."""
    found = []
    for one in files[:MOST_FILES] if isinstance(files, list) else ():
        try:
            found.append(attachment_of(msgspec.convert(one, File)))
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            set_aside("slack.file", error)
    return tuple(found)


def attachment_of(file: File) -> Attachment:
    """*file* as an attachment. Its `ref` is the address of its bytes, or says why there is none."""
    mime = clean(file.mimetype or "")
    major = mime.partition("/")[0]
    return Attachment(
        "image" if major == "image" else "audio" if major == "audio" else "file",
        _ref(file),
        file_name(file.name or ""),
        mime,
        max(0, file.size or 0),
    )


def _ref(file: File) -> str:
    if file.file_access == "check_file_info" and file.id:
        return ASK + clean(file.id)
    mode = "external" if file.is_external else file.mode or "hosted"
    if file.file_access in ("access_denied", "file_not_found"):
        mode = "file_access"
    url = clean(file.url_private_download or file.url_private or "")
    return url if mode in ("hosted", "snippet") and url else _NONE + clean(mode)


class Files:
    """Downloads with the token of one workspace. Only Slack gets the token."""

    def __init__(
        self, session: aiohttp.ClientSession, client: AsyncWebClient, credential: Credential
    ) -> None:
        self._session = session
        self._client = client
        self.credential = credential

    async def download(self, attachment: Attachment, most_bytes: int) -> bytes:
        """The same as `Platform.fetch`."""
        if attachment.size_bytes > most_bytes:
            raise AttachmentTooLarge(f"it is larger than {most_bytes} bytes")
        if attachment.ref.startswith(ASK):
            attachment = await self._looked_up(attachment)
        if attachment.ref.startswith(_NONE):
            mode = attachment.ref.removeprefix(_NONE)
            raise AttachmentLost(
                _NAMED_ONLY.get(mode, "it is of a kind that Slack gives no bytes of")
            )
        with slack_errors():
            return await self._followed(attachment, most_bytes)

    async def _looked_up(self, attachment: Attachment) -> Attachment:
        """*attachment* with its address. Of another workspace's file, an event has only the id."""
        with slack_errors():
            answer = await self._client.files_info(file=attachment.ref.removeprefix(ASK))
        try:
            found = attachment_of(msgspec.convert(answer.get("file"), File))
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            raise AttachmentLost("Slack does not say where it is") from error
        if found.ref.startswith(ASK):
            raise AttachmentLost(_NAMED_ONLY["file_access"])
        return found

    async def _followed(self, attachment: Attachment, most_bytes: int) -> bytes:
        address = attachment.ref
        for _ in range(HOPS + 1):
            url, headers = self._allowed(address)
            async with self._session.get(
                url,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=DOWNLOAD_S),
            ) as response:
                if response.status in _REDIRECTS:
                    address = _moved(url, response.headers.get("Location", ""))
                    continue
                if response.status != 200:
                    raise AttachmentLost(f"Slack answers {response.status}")
                body = await read_up_to(response.content, most_bytes)
                if len(body) > most_bytes:
                    raise AttachmentTooLarge(f"it is larger than {most_bytes} bytes")
                if _signs_in(response, attachment, body):
                    raise AttachmentLost("Slack asks to sign in (is the scope files:read granted?)")
                return body
        raise AttachmentLost("it was moved too often")

    def _allowed(self, address: str) -> tuple[URL, dict[str, str]]:
        """The address and the headers of a request. They are decided again for each redirect."""
        try:
            url = read_url(address)
        except AddressRefused as error:
            raise AttachmentLost(str(error)) from error
        headers = self.credential.to(str(url))
        if not headers and not within(origin_of(url), _WITHOUT_TOKEN):
            raise AttachmentLost(_NAMED_ONLY["external"])
        return url, headers


def _moved(url: URL, location: str) -> str:
    try:
        return joined(url, location)
    except AddressRefused as error:
        raise AttachmentLost(str(error)) from error


def _signs_in(response: aiohttp.ClientResponse, attachment: Attachment, body: bytes) -> bool:
    """Whether this is the sign-in page that Slack gives with status 200 instead of a file.

    A file that is itself a web page comes as an attachment, or has the size that Slack told.
    """
    if response.content_type != "text/html":
        return False
    told = response.headers.get("Content-Disposition", "").lower().startswith("attachment")
    return attachment.mime != "text/html" or not (told or len(body) == attachment.size_bytes)
