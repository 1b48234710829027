"""How long a browser is blocked while an answer of 20,000 characters grows, and what that costs.

    python -m bench.page [--slower 4] [--runs 3] [--modules node_modules]

Each way draws 600 frames, healed as the server heals them, one each frame of the display, in the
page's own document with its styles and its Content-Security-Policy. `old` is the page as it was
before November 2026: everything rendered anew in each frame. `whole` is the same without `style`
attributes, `blocks` what the page does now. With *modules* (made by `npm install morphdom idiomorph
streaming-markdown`) three more ways are tried.
"""

import argparse
import asyncio
import statistics
import tempfile
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from bench.page.answer import answer, frames
from tests.harness import palaver
from tests.page.conftest import CHROMIUM, FLAGS, WATCH

FRAMES = 600
OWN = ("blocks", "old", "whole")
OTHERS = {
    "morphdom": ("morphdom/dist/morphdom-umd.min.js", "morphdom"),
    "idiomorph": ("idiomorph/dist/idiomorph.min.js", "Idiomorph"),
    "smd": ("streaming-markdown/smd.js", "smd"),
}
DRAW = """async ([way, texts]) => {
  const full = texts.at(-1);
  const { ways } = await import(window.waysUrl);
  const root = document.createElement("div");
  root.className = "text";
  const box = document.querySelector("#posts");
  box.replaceChildren(root);
  await new Promise(requestAnimationFrame);
  longTasks.length = violations.length = 0;
  let nodes = 0;
  const watcher = new MutationObserver((all) => {
    for (const one of all) nodes += one.addedNodes.length + one.removedNodes.length;
  });
  watcher.observe(root, { childList: true, subtree: true });
  const show = ways[way](root, window);
  const took = [];
  for (const [at, text] of texts.entries()) {
    await new Promise(requestAnimationFrame);
    const began = performance.now();
    const unhealed = full.slice(0, Math.floor((full.length * (at + 1)) / texts.length));
    show(text, at === texts.length - 1, unhealed);
    show.step?.();
    box.scrollTop = box.scrollHeight;
    took.push(performance.now() - began);
  }
  while (show.step && !show.step()) await new Promise(requestAnimationFrame);
  await new Promise((done) => setTimeout(done, 100));
  watcher.disconnect();
  return {
    tasks: longTasks.length,
    blocking: longTasks.reduce((sum, one) => sum + one - 50, 0),
    longest: Math.max(0, ...longTasks),
    script: took.reduce((sum, one) => sum + one, 0),
    frame: Math.max(...took),
    nodes,
    violations: violations.length,
  };
}"""


def script_of(name: str, modules: Path) -> str:
    path, variable = OTHERS[name]
    code = (modules / path).read_text()
    if name != "smd":
        return f"{code}\nwindow.{variable} = {variable};"
    names = "parser, default_renderer, parser_write, parser_end"
    return f"{code}\nwindow.smd = {{ {names} }};"


async def measure(browser: Browser, url: str, way: str, slower: int, modules: Path | None) -> dict:
    context = await browser.new_context(viewport={"width": 1180, "height": 800})
    await context.add_init_script(WATCH)
    page = await context.new_page()
    here = Path(__file__).parent
    served = {"ways.js": (here / "ways.js").read_text()}
    if way in OTHERS and modules is not None:
        served["other.js"] = script_of(way, modules)
    for name, body in served.items():
        await page.route(
            f"**/bench/{name}",
            lambda route, _, body=body: route.fulfill(body=body, content_type="text/javascript"),
        )
    await page.goto(url)
    await page.wait_for_selector(".hello")
    await page.evaluate(
        """async (other) => {
          window.pageScripts = document.querySelector("script[type=module]").src;
          window.waysUrl = `${location.origin}/bench/ways.js`;
          const { loadFormulas } = await import(new URL("./formulas.js", window.pageScripts).href);
          await loadFormulas();
          if (other) await import(`${location.origin}/bench/other.js`);
        }""",
        "other.js" in served,
    )
    if slower > 1:
        session = await context.new_cdp_session(page)
        await session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    found = await page.evaluate(DRAW, [way, frames(answer(), FRAMES)])
    await context.close()
    return dict(found)


async def compare(slower: int, runs: int, modules: Path | None) -> None:
    ways = [*OWN, *(OTHERS if modules is not None else ())]
    print(
        "| way | long tasks | blocking ms | longest task ms | script ms | worst frame ms "
        "| nodes in+out | CSP violations |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        async with (
            palaver(Path(folder), web_chat=True) as app,
            async_playwright() as playwright,
        ):
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            for way in ways:
                found = [await measure(browser, app.url, way, slower, modules) for _ in range(runs)]
                middle = {key: statistics.median(run[key] for run in found) for key in found[0]}
                print(
                    f"| {way} | " + " | ".join(f"{value:,.0f}" for value in middle.values()) + " |"
                )
            await browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slower", type=int, default=1, help="how many times slower a phone is")
    parser.add_argument("--modules", type=Path, help="a folder of node modules")
    parser.add_argument("--runs", type=int, default=1, help="the median of so many is told")
    given = parser.parse_args()
    asyncio.run(compare(given.slower, given.runs, given.modules))


if __name__ == "__main__":
    main()
