"""The status page as Chromium shows it."""

import itertools
import json
import subprocess
import time

import pytest

from harness.browser import Browser
from harness.calls import increment, item, read
from harness.exposition import scrape
from harness.load import Load
from harness.ranked import wait_ranked
from harness.wait import wait_until

RANKINGS = "[{counter_type: like, windows: [day, all], cache_ttl: 0s}]"
HOSTILE = [
    "<img src=x onerror=window.hit=1>", "</script><script>window.hit=1</script>", "\"'`$(window.hit=1)", "a&lt;b&amp;",
    "\u202eevil", "\u2067\u200f", "javascript:window.hit=1", "文章/七", "é" * 120,
]  # fmt: skip
PHONE = {"width": 390, "height": 844, "phone": True}


@pytest.fixture(scope="module")
def stack(start_stack):
    return start_stack(service={"RANKINGS": RANKINGS}, gateway={"RANKINGS": RANKINGS})


@pytest.fixture(scope="module")
def browser(start_kind):
    return start_kind(Browser)


def url(gateway):
    return f"http://127.0.0.1:{gateway.port}/"


@pytest.fixture
def page(browser, gateway):
    """A tab that must have no complaint at the end: nothing was blocked, and nothing was thrown."""
    page = browser.open(url(gateway))
    page.wait("document.querySelectorAll('#outcomes tr').length === 5")
    yield page
    hit = page.run("window.hit")
    page.call("Page.close")
    assert hit is None
    assert not page.complaints


def number(text):
    return int(text.replace(",", ""))


def outcomes(page):
    return {row[0].lstrip("●▲✖○ "): number(row[2]) for row in page.rows("#outcomes")}


def test_the_figures_are_those_of_the_metrics_under_load(gateway, page):
    with Load(gateway.port, connections=4, pause=0.02) as load:
        page.wait("Number(document.querySelector('#increments').textContent.replace(/,/g, '')) > 0", 60)
        page.wait("document.querySelector('#increment-latency').innerText.includes('ms')")
        load.stop()
    wait_until(lambda: outcomes(page)["applied"] == scrape(gateway).sum("tally_writes_total", outcome="applied"))
    metrics = scrape(gateway)
    shown = outcomes(page)
    for word, outcome in [("replayed", "replayed"), ("refused", "not_applied"), ("unknown", "unknown")]:
        assert shown[word] == metrics.sum("tally_writes_total", outcome=outcome)
    assert shown["shed"] == metrics.sum("tally_shed_total")
    page.wait("document.querySelector('#increments').textContent === '0'")  # of the last seconds
    assert page.run("document.querySelector('#increments-line .line').getAttribute('d').length") > 20


def test_a_rate_is_that_of_the_counters(page):
    """Worked out from two documents that the test makes."""
    bounds = [0.001, 0.01, 0.1]
    documents = json.dumps([
        {"clock": 1000, "shed": 0, "outcomes": {"applied": 10},
         "latency": {"bounds_seconds": bounds, "increments": [5, 5, 5, 5], "reads": [0, 0, 0, 0]}},
        {"clock": 3000, "shed": 0, "outcomes": {"applied": 510},
         "latency": {"bounds_seconds": bounds, "increments": [55, 5, 55, 5], "reads": [0, 0, 0, 3]}},
    ])  # fmt: skip
    of = f"(([a, b]) => [perSecond(a, b, applied), perSecond(a, a, applied), quantile(a, b, 'increments', 0.25), \
        quantile(a, b, 'increments', 0.75), quantile(a, a, 'increments', 0.5), quantile(a, b, 'reads', 0.5)])"
    rate, no_rate, quarter, three_quarters, none, above = page.run(f"{of}({documents})")
    assert (rate, no_rate, none, above) == (250, None, None, 0.1)
    assert quarter == pytest.approx(0.0005)
    assert three_quarters == pytest.approx(0.01 + 0.09 / 2)


def test_parts_are_what_the_instances_tell_together(page):
    def row(*events, statuses=("ok", "ok")):
        reports = [{"target": str(place), "age_ms": 10, "health": one and {"components": {"events": one}}}
                   for place, one in enumerate(events)]  # fmt: skip
        instances = [{"target": str(place), "status": status} for place, status in enumerate(statuses)]
        health = {"components": {"counter_service": {"instances": instances}}}
        data = json.dumps({"reports": reports, "health": health})
        return page.run(f"partRow({data}, 'events').slice(1).map((cell) => cell.text)")

    leads = {"status": "ok", "relay": "leads", "waiting": 1500, "lag_seconds": 0.25}
    stands_by = {"status": "degraded", "relay": "stands by", "waiting": 1400, "lag_seconds": 0}
    off = {"status": "ok", "relay": "off", "waiting": 0, "lag_seconds": 0}
    assert row(leads, stands_by) == ["degraded", "1,500", "250 ms"]
    assert row(stands_by, None) == ["degraded", "1,400", "unknown"]
    assert row(None, None) == ["unknown", "unknown", "unknown"]
    of_other = {"status": "unavailable", "relay": "leads", "waiting": 9000, "lag_seconds": 60}
    assert row(leads, of_other, statuses=("ok", "other_store")) == ["works", "1,500", "250 ms"]
    assert row(of_other, leads, statuses=("other_store", "ok")) == ["works", "1,500", "250 ms"]
    assert row(leads, None, statuses=("ok", "other_store")) == ["works", "1,500", "250 ms"]
    assert row(of_other, statuses=("other_store",)) == ["unknown", "unknown", "unknown"]
    assert row(off, off) == ["off", "–", "–"]


def test_what_is_wrong_has_a_name_and_redis_is_first(page):
    told = {"target": "a:1", "age_ms": 0, "health": {"components": {"redis": {"detail": "no reply from Redis"}}}}
    components = {"counter_service": {"instances": [], "detail": "2 are of another store"},
                  "consul": {"detail": "it names nobody"}, "name": {"detail": ""}, "gateway": {}}  # fmt: skip
    data = {"health": {"components": components}, "reports": [told, told]}
    assert page.run(f"detailsOf({json.dumps(data)})") == [
        "no reply from Redis", "counter-service: 2 are of another store", "Consul: it names nobody"]  # fmt: skip


def test_a_cell_stays_while_its_text_changes(gateway, page, resource):
    page.wait("document.querySelector('#parts').rows[0].innerText.includes('works')")
    cells = "[...document.querySelectorAll('#outcomes tr > *, #parts tr > *, #instances tr > *')]"
    page.run(f"void (window.kept = {cells})")
    page.run("getSelection().selectAllChildren(document.querySelector('#outcomes th'))")
    before = outcomes(page)["applied"]
    increment(gateway, resource)
    wait_until(lambda: outcomes(page)["applied"] == before + 1)
    assert page.run("kept.length > 25 && kept.every((cell) => cell.isConnected)")
    assert page.run("getSelection().toString()") == "applied"


def test_a_table_has_what_it_was_given_last(page):
    """Rows more and fewer, and cells of other kinds at the same place."""
    heads = "<thead><tr><th>A</th><th>B</th></tr></thead><tbody></tbody>"
    page.run(f"void (window.table = document.createElement('table'), table.innerHTML = {json.dumps(heads)})")

    def html(*rows):
        fill = f"(fillTable(table.tBodies[0], {json.dumps(rows)}), table.tBodies[0].innerHTML)"
        changed = page.run(fill).replace(' class=""', "")
        page.run("table.tBodies[0].replaceChildren()")
        assert changed == page.run(fill)  # as if it was made anew
        return changed

    bad = {"text": "b", "health": "degraded", "detail": "why"}
    assert "degraded" in html(["a", bad]) and "why" in html(["a", bad])
    assert "<bdi>x</bdi>" in html([{"text": "x", "name": True}, {"text": "1", "number": True}], ["c", "d"])
    assert "data-health" not in html(["a", "b"])
    assert html(["only"]).count("<tr") == 1
    assert html() == ""


def test_hostile_names_are_text(stack, page):
    for place, name in enumerate(HOSTILE):
        increment(stack.gateway, name, "like", increment=1000 + place)
    wait_ranked(stack.gateway, "like", "day")
    page.wait(f"document.querySelectorAll('#ranking tr').length >= {len(HOSTILE)}", 30)
    shown = page.run("[...document.querySelectorAll('#ranking bdi')].map((name) => name.textContent)")
    assert set(HOSTILE) <= set(shown)
    assert page.run("document.querySelectorAll('#main img, #main script').length") == 0


@pytest.mark.parametrize("name", HOSTILE)
def test_the_form_sends_what_is_typed_and_the_curl_line_does_the_same(gateway, page, name):
    page.fill("#try-resource", name)
    page.fill("#try-type", "form")
    page.fill("#try-delta", "-4503599627370497")
    page.fill("#try-key", "it's $(key)".replace(" ", "_"))
    page.run("document.querySelector('#try').requestSubmit()")
    page.wait("document.querySelector('#try-status').textContent.startsWith('200')")
    assert json.loads(page.text("#try-answer")) == item(name, "form", value=-4503599627370497)
    line = page.run("document.querySelector('#try-curl').textContent")
    assert not set(line) & set("\u202e\u2067\u200f")
    run = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=20, check=True)
    assert "Idempotent-Replayed: true" in run.stdout, run.stdout
    assert json.loads(run.stdout.splitlines()[-1]) == item(name, "form", value=-4503599627370497)
    assert read(gateway, name, "form") == -4503599627370497


def test_the_curl_line_is_what_it_says(gateway, page):
    """A key that must not be sent is not in it, and an address that a shell would read otherwise is one word."""
    def line():
        return page.run("document.querySelector('#try-curl').textContent")

    address = f"http://127.0.0.1:{gateway.port}/"
    assert line().endswith(f" '{address}api/v1/counter/increment'")
    for key in ("a key", "clé", "\u202eyek", "a\tb"):
        page.fill("#try-key", key)
        assert "Idempotency-Key" not in line() and key not in line()
    page.fill("#try-key", "it's")
    page.run("document.querySelector('#pause').click()")  # or it would ask there
    page.wait("!isPolling")
    page.run("history.replaceState(null, '', \"/it's&$(echo);$HOME/\")")
    page.fill("#try-key", "one")
    arguments = subprocess.run(["bash", "-c", "curl() { printf '%s\\n' \"$@\"; }; " + line()],
                               capture_output=True, text=True, timeout=20, check=True)  # fmt: skip
    shown = arguments.stdout.splitlines()
    assert "Idempotency-Key: one" in shown and not arguments.stderr
    assert shown[-1] == f"{address}it's&$(echo);$HOME/api/v1/counter/increment"


def test_the_form_shows_refusals(page):
    for delta, part in [("0", "increment"), ("-0", "increment")]:
        page.fill("#try-delta", delta)
        page.run("document.querySelector('#try').requestSubmit()")
        page.wait("document.querySelector('#try-status').textContent.startsWith('400')")
        assert part in json.loads(page.text("#try-answer"))["detail"]
    page.complaints.clear()  # the browser's own, of the status 400


@pytest.mark.parametrize("key, told", [("", "there was no Idempotency-Key"), ("k-1", "with the same Idempotency-Key")])
def test_the_form_gives_a_gateway_up_that_stands_still(start_stack, browser, resource, key, told):
    stack = start_stack(gateway={"SERVER_REQUEST_TIMEOUT": "700ms"})
    page = browser.open(url(stack.gateway))
    page.wait("document.querySelector('#state').dataset.health === 'ok'")
    page.fill("#try-resource", resource)
    page.fill("#try-key", key)
    stack.gateway.pause()
    page.run("document.querySelector('#try').requestSubmit()")
    page.wait("document.querySelector('#try-status').dataset.health === 'unavailable'", 20)
    assert told in page.text("#try-status")
    page.wait("!document.querySelector('#try button').hasAttribute('aria-disabled')")
    stack.gateway.resume()
    page.wait("document.querySelector('#state').dataset.health === 'ok'", 30)
    page.run("document.querySelector('#try').requestSubmit()")
    page.wait("document.querySelector('#try-status').textContent.startsWith('200')")
    page.call("Page.close")


def test_it_works_by_keyboard(gateway, page, resource):
    page.run("document.querySelector('#try-resource').focus()")
    page.fill("#try-resource", resource)
    seen = []
    for _ in range(4):
        page.press("Tab")
        seen.append(page.run("document.activeElement.id || document.activeElement.type"))
        assert page.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert seen == ["try-type", "try-delta", "try-key", "submit"]
    page.press("Enter")
    page.wait("document.querySelector('#try-status').textContent.startsWith('200')")
    assert page.run("document.activeElement.type") == "submit"  # where it was
    assert read(gateway, resource, "view") == 1


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_the_words_are_of_the_language(browser, gateway, language):
    page = browser.open(url(gateway), language=language)
    page.wait("document.querySelectorAll('#instances tr').length === 1")
    page.wait("document.querySelector('#state').dataset.health === 'ok'")
    text = page.text("body")
    assert page.run("document.documentElement.lang") == language
    assert ("一切正常" in text) == (language == "zh-CN") == ("Everything works" not in text)
    missing = page.run("[...document.querySelectorAll('[data-word]')].map((one) => one.dataset.word)"
                       ".filter((word) => !(word in WORDS['zh-CN']))")
    assert missing == ["waiting"] or missing == []
    assert page.run("Object.keys(WORDS.en).filter((word) => !(word in WORDS['zh-CN']))") == []
    assert not page.complaints
    page.call("Page.close")


# The colours behind each other, and how bright a text is against them (https://www.w3.org/TR/WCAG22/#contrast-minimum).
CONTRASTS = """(() => {
  const parts = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const light = (colour) => parts(colour).slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((parts(colour)[3] ?? 1) === 1) return colour;
    }
  };
  return [...document.querySelectorAll("body *")]
    .filter((one) => one.checkVisibility())
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((one) => {
      const [a, b] = [light(getComputedStyle(one).color), light(ground(one))].sort((x, y) => y - x);
      return [(a + 0.05) / (b + 0.05), one.tagName, one.textContent.slice(0, 30)];
    }).filter(([contrast]) => contrast < 4.5);
})()"""

NARROW = {"width": 320, "height": 600, "phone": True}
VIEWS = [{}, {"dark": True}, PHONE, PHONE | {"dark": True, "language": "zh-CN"}, NARROW]


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_can_be_read(browser, gateway, view):
    increment(gateway, "w" * 256, "like", increment=10**9)
    page = browser.open(url(gateway), **view)
    page.wait("document.querySelectorAll('#instances tr').length === 1")
    page.wait("document.querySelectorAll('#ranking tr').length > 0", 30)
    assert page.run(CONTRASTS) == []
    assert page.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    small = page.run("[...document.querySelectorAll('input, select, button')].filter((one) => one.checkVisibility())"
                     ".filter((one) => one.getBoundingClientRect().height < 24).map((one) => one.id)")
    assert small == []
    page.call("Page.close")


def test_a_screen_reader_finds_names_and_heads(browser, gateway):
    page = browser.open(url(gateway), **PHONE)
    page.wait("document.querySelectorAll('#instances tr').length === 1")
    page.wait("document.querySelectorAll('#ranking tr').length > 0", 30)
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    found = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    roles = {role for role, _ in found}
    assert {"main", "banner", "contentinfo", "table", "row", "columnheader", "rowheader", "cell", "status"} <= roles
    for role in ("textbox", "combobox", "button", "link", "region"):
        assert all(name for one, name in found if one == role), role
    assert {"Resource id", "Counter type", "Increment", "Idempotency-Key (optional)"} <= {
        name for role, name in found if role == "textbox"
    }
    heads = {name for role, name in found if role == "columnheader"}
    assert {"Outcome", "Instance", "State", "Breaker", "Rank", "Resource", "Score"} <= heads
    levels = page.run("[...document.querySelectorAll('h1,h2,h3')].map((one) => Number(one.tagName[1]))")
    assert levels[0] == 1 and all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert page.run("document.querySelectorAll('svg:not([aria-hidden=true])').length") == 0
    page.call("Page.close")


def asked(gateway):
    return scrape(gateway).sum("tally_http_requests_total", route="/status.json")


def test_out_of_view_it_asks_nothing(browser, gateway, page):
    before = asked(gateway)
    wait_until(lambda: asked(gateway) > before + 1)
    other = browser.open("about:blank")
    other.call("Page.bringToFront")
    page.wait("document.hidden")
    time.sleep(1)  # what was asked is answered
    before = asked(gateway)
    time.sleep(3)
    assert asked(gateway) == before
    page.call("Page.bringToFront")
    wait_until(lambda: asked(gateway) > before)
    other.call("Page.close")


@pytest.mark.parametrize(
    ("language", "pause", "resume", "paused"),
    [("en", "Pause the updates", "Resume the updates", "Paused: "), ("zh-CN", "暂停更新", "继续更新", "已暂停：")],
)
def test_a_button_pauses_the_updates(browser, gateway, resource, language, pause, resume, paused):
    page = browser.open(url(gateway), language=language)
    page.wait("document.querySelectorAll('#outcomes tr').length === 5")
    assert page.text("#pause") == pause and page.text("#paused") == ""
    page.run("document.querySelector('#pause').focus()")
    page.press("Enter")
    page.wait(f"document.querySelector('#pause').textContent === {json.dumps(resume)}")
    assert page.text("#paused").startswith(paused)
    time.sleep(1)  # what was asked is answered
    before, shown = asked(gateway), page.text("#outcomes")
    increment(gateway, resource)
    time.sleep(3)
    page.run("document.dispatchEvent(new Event('visibilitychange'))")  # coming into view does not end it
    time.sleep(0.5)
    assert asked(gateway) == before and page.text("#outcomes") == shown
    page.press("Enter")
    page.wait(f"document.querySelector('#pause').textContent === {json.dumps(pause)}")
    assert page.text("#paused") == ""
    wait_until(lambda: asked(gateway) > before)
    page.wait(f"document.querySelector('#outcomes').innerText !== {json.dumps(shown)}")
    assert not page.complaints
    page.call("Page.close")


def test_loopback_is_for_its_own_page_and_for_no_other(stack, browser):
    """Another site is another port here, with a page that has no policy."""
    gateway = stack.extra_gateway(SERVER_STATUS_PAGE="loopback", SERVER_CORS_ORIGINS="*")
    gateway.wait_ready()
    page = browser.open(url(gateway))
    page.wait("document.querySelectorAll('#outcomes tr').length === 5")
    assert not page.complaints
    page.call("Page.close")
    other = browser.open(url(stack.gateway) + "health")
    for host in ("127.0.0.1", "localhost"):
        at = f"http://{host}:{gateway.port}"
        assert other.run(f"fetch('{at}/health').then((answer) => answer.status)") == 200
        assert other.run(f"fetch('{at}/status.json').then((answer) => answer.status)") == 403
    other.call("Page.close")


def test_an_answer_that_is_no_status_is_told_as_what_it_is(browser, gateway):
    """By answers that the test makes."""
    page = browser.open(url(gateway))
    page.wait("document.querySelector('#state').dataset.health === 'ok'")
    page.run("void (window.real = window.fetch)")

    def state_after(body, status):
        page.run(f"void (window.fetch = async () => new Response({json.dumps(body)}, {{ status: {status} }}))")
        page.wait("document.querySelector('#state').dataset.health === 'unavailable'")
        assert page.text("#increments") == "unknown" and page.text("#outcomes").strip("○ ") == "unknown"
        state = page.text("#state").lstrip("✖ ")
        assert page.run("document.title") == f"{state} – Tally"
        page.run("void (window.fetch = window.real)")
        page.wait("document.querySelector('#state').dataset.health === 'ok'")
        page.wait("document.querySelectorAll('#outcomes tr').length === 5")
        return state

    for status in (429, 503):
        assert state_after("{}", status) == f"The gateway answers {status}: its state is not known"
    for status in (403, 404):
        assert "server.status_page" in state_after("{}", status)
    part = '{"writes": {}, "reports": [], "rankings": [], "health": {"status": "ok", "components": {}}}'
    for body in ("{}", "<html></html>", "null", part):
        assert state_after(body, 200) == "What the gateway tells cannot be shown: reload this page"
    page.call("Page.close")


def test_a_dead_redis_is_seen(start_stack, browser):
    stack = start_stack()
    increment(stack.gateway, "before")
    page = browser.open(url(stack.gateway))
    page.wait("document.querySelector('#state').dataset.health === 'ok'")
    page.wait("document.querySelector('#parts').rows[0].innerText.includes('works')")
    stack.redis.kill()
    page.wait("document.querySelector('#state').dataset.health === 'unavailable'")
    page.wait("document.querySelector('#parts').rows[0].innerText.includes('not available')")
    assert "takes no calls" in page.text("#instances")
    assert "cannot connect to Redis" in page.text("#state")
    page.run("document.querySelector('#try').requestSubmit()")
    page.wait("document.querySelector('#try-status').textContent.startsWith('503')")
    stack.redis.start()
    page.wait("document.querySelector('#state').dataset.health === 'ok'", 30)
    page.wait("document.querySelector('#parts').rows[0].innerText.includes('works')")
    page.call("Page.close")


def test_a_dead_service_and_a_dead_gateway_are_seen(start_stack, browser):
    stack = start_stack()
    increment(stack.gateway, "before")
    page = browser.open(url(stack.gateway))
    page.wait("document.querySelector('#parts').rows[0]?.innerText.includes('works')")
    stack.service.kill()
    page.wait("document.querySelector('#instances').innerText.includes('takes no calls')")
    page.wait("document.querySelector('#parts').rows[0].innerText.includes('unknown')")
    assert [row[2:] for row in page.rows("#parts")] == [["–", "–"], ["unknown", "unknown"], ["unknown", "unknown"]]
    assert page.rows("#instances")[0][4].endswith("unknown")
    stack.gateway.kill()
    page.wait("document.querySelector('#state').textContent === 'The gateway does not answer'")
    assert page.text("#increments") == page.text("#reads") == "unknown"
    for table in ("#outcomes", "#parts", "#instances"):
        assert [cell.lstrip("○ ") for row in page.rows(table) for cell in row] == ["unknown"]
    stack.service.start()
    stack.gateway.start()
    page.wait("document.querySelector('#state').dataset.health === 'ok'", 30)
    page.wait("document.querySelector('#about').textContent.includes('begin anew')")
    page.call("Page.close")
