"""Sitemaps, feeds and lists of URLs are read as they come from the web: gzipped, relative, broken, hostile."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.needing import need
from yunmeng.apps.copyright.watching.listings import MOST_URLS, read_listing
from yunmeng.errors import SourceError

need("defusedxml", "feedparser", extra="copyright")

PLACE = "https://site.example/feeds/new"
SITEMAP = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">
  <url><loc>https://site.example/page</loc>
    <image:image><image:loc>https://cdn.example/a?size=1&amp;x=2</image:loc></image:image>
    <image:image><image:loc> https://cdn.example/桥.webp </image:loc></image:image></url>
  <url><loc>https://site.example/photo.JPG</loc></url>
</urlset>"""
RSS = """<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel><title>New</title>
  <item><title>One</title><enclosure url="/one.jpg" type="image/jpeg"/>
    <enclosure url="/talk.mp3" type="audio/mpeg"/></item>
  <item><title>Two</title><media:content url="https://cdn.example/two" medium="image"/>
    <media:thumbnail url="small.png"/></item>
  <item><title>Three</title><description>&lt;p&gt;&lt;img src="three.gif" alt=""&gt;</description></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://blog.example/2026/"><title>Blog</title>
  <entry><link rel="enclosure" type="image/png" href="one.png"/>
    <content type="html">&lt;img src="/two.jpg"&gt;</content></entry>
</feed>"""


def pictures(text: str | bytes) -> list[str]:
    return list(read_listing(text.encode() if isinstance(text, str) else text, PLACE).pictures)


def test_a_sitemap_names_pictures_and_no_pages() -> None:
    expected = ["https://cdn.example/a?size=1&x=2", "https://cdn.example/桥.webp", "https://site.example/photo.JPG"]
    assert pictures(SITEMAP) == expected
    assert pictures(gzip.compress(SITEMAP.encode())) == expected
    assert pictures("<urlset/>") == []


def test_an_index_names_sitemaps() -> None:
    found = read_listing(b"<sitemapindex><sitemap><loc>/one.xml.gz</loc></sitemap></sitemapindex>", PLACE)
    assert (list(found.listings), list(found.pictures)) == (["https://site.example/one.xml.gz"], [])


def test_feeds_name_enclosures_media_and_images_of_their_text() -> None:
    assert pictures(RSS) == [
        "https://site.example/one.jpg",
        "https://cdn.example/two",
        "https://site.example/feeds/small.png",
        "https://site.example/feeds/three.gif",
    ]
    assert pictures(ATOM) == ["https://blog.example/2026/one.png", "https://blog.example/two.jpg"]
    assert pictures(RSS.replace("<title>One", "<title>One & only")) == pictures(RSS)  # not well-formed, as many are


def test_a_list_has_one_url_a_line() -> None:
    listed = "\ufeff# new\n\nhttps://a.example/1\r\nhttps://a.example/1\nhttps://a.example/2.jpg\n"
    assert pictures(listed) == ["https://a.example/1", "https://a.example/2.jpg"]


def test_no_more_urls_are_read_than_a_sitemap_may_have() -> None:
    found = read_listing("\n".join(f"https://a.example/{n}" for n in range(MOST_URLS + 1)).encode(), PLACE)
    assert (len(found.pictures), found.more) == (MOST_URLS, True)


BOMB = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]>"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"<html><body>Not found</body></html>", "is no sitemap"),
        (b"hello", "is no sitemap"),
        (b"<urlset><url><loc>https://a.example/1.jpg", "no well-formed sitemap"),
        (f"{BOMB}<urlset><url><loc>https://a.example/&b;.jpg</loc></url></urlset>".encode(), "no well-formed sitemap"),
        (b"\x1f\x8bnothing", "cannot be unpacked"),
        (gzip.compress(b"<urlset>" + bytes(60_000_000)), "unpacked"),
        (b"<rss>" + b" " * 10_000_001, "too many for a feed"),
    ],
)
def test_what_is_no_listing_is_refused_in_one_line(text: bytes, said: str) -> None:
    with pytest.raises(SourceError, match=said) as error:
        pictures(text)
    assert "\n" not in str(error.value)


@given(st.binary(max_size=200), st.sampled_from([b"", b"<urlset>", b"<rss>", b"https://", b"\x1f\x8b\x08"]))
def test_whatever_a_site_sends_is_read_or_refused(junk: bytes, start: bytes) -> None:
    try:
        found = read_listing(start + junk, PLACE)
    except SourceError:
        return
    assert all(url.startswith("http") for url in [*found.pictures, *found.listings])
