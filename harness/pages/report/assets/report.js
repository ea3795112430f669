"use strict";
// Draws the charts, and opens what a link leads to. Without this script every number still stands in the tables.
(() => {
  const config = {
    background: null,
    font: "system-ui, sans-serif",
    view: { stroke: null },
    axis: { labelColor: "currentColor", titleColor: "currentColor", gridColor: "var(--line)", domainColor: "var(--line)",
      tickColor: "var(--line)", labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" },
    legend: { labelColor: "currentColor", titleColor: "currentColor", labelFontSize: 12 },
    title: { color: "currentColor", fontSize: 13, anchor: "start" },
  };
  const logger = { level: () => logger, error: (...said) => console.error(...said), warn: (...said) => console.error(...said),
    info: () => logger, debug: () => logger };

  async function draw(spec) {
    const place = document.getElementById(`chart-${spec.dataset.chart}`);
    const { spec: compiled } = vegaLite.compile(JSON.parse(spec.textContent), { config, logger });
    const runtime = vega.parse(compiled);
    await new vega.View(runtime, { renderer: "svg", logger }).initialize(place).hover().runAsync();
    place.dataset.drawn = "yes";
  }

  function reveal() {
    const found = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!found) return;
    for (let at = found; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    found.scrollIntoView();
    (found.querySelector("summary") || found).focus({ preventScroll: true });
  }

  for (const button of document.querySelectorAll("button[data-open]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const all = [...document.querySelectorAll(`#${button.dataset.open} details`)];
      const open = !all.every((one) => one.open);
      for (const one of all) one.open = open;
      button.setAttribute("aria-pressed", String(open));
    });
  }

  let shut = [];
  addEventListener("beforeprint", () => {
    shut = [...document.querySelectorAll("details.print:not([open])")];
    for (const one of shut) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of shut) one.open = false; });
  addEventListener("hashchange", reveal);
  for (const spec of document.querySelectorAll("script[data-chart]")) draw(spec).catch((error) => console.error(error));
  reveal();
})();
