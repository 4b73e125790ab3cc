// Charts of the console: <canvas data-chart="{...}">, drawn by Chart.js in the colours of the theme. What they show stands as a
// sentence and as a table beside them, so a page without scripts loses the drawing only.
"use strict";

(() => {
  const drawn = new Map();

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // A pattern beside each colour: who cannot tell colours apart sees dots and strokes.
  const STROKES = [
    null,
    (pen) => { pen.moveTo(0, 8); pen.lineTo(8, 0); },
    (pen) => { pen.moveTo(0, 4); pen.lineTo(8, 4); },
    (pen) => { pen.moveTo(4, 0); pen.lineTo(4, 8); },
    (pen) => { pen.moveTo(0, 0); pen.lineTo(8, 8); },
    (pen) => { pen.moveTo(2, 4); pen.lineTo(6, 4); pen.moveTo(4, 2); pen.lineTo(4, 6); },
  ];
  const filled = (pen, key, stroke) => {
    if (!STROKES[stroke]) return colour(`--rd-c-${key}`);
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const brush = tile.getContext("2d");
    brush.fillStyle = colour(`--rd-c-${key}`);
    brush.fillRect(0, 0, 8, 8);
    brush.strokeStyle = colour("--rd-c-stroke");
    brush.lineWidth = 1.2;
    brush.beginPath();
    STROKES[stroke](brush);
    brush.stroke();
    return pen.createPattern(tile, "repeat");
  };

  const draw = (canvas) => {
    const told = JSON.parse(canvas.dataset.chart);
    const pen = canvas.getContext("2d");
    const line = told.kind === "line";
    const area = told.kind === "area";
    const ink = colour("--rd-quiet");
    const grid = colour("--rd-line");
    const written = (value) => `${value.toLocaleString("en", { maximumFractionDigits: told.places })} ${told.unit}`;
    const datasets = told.series.map((each, number) => ({
      label: each.name,
      data: each.values,
      borderColor: colour(`--rd-c-${each.key}`),
      backgroundColor: line ? colour(`--rd-c-${each.key}`) : filled(pen, each.key, number % STROKES.length),
      borderWidth: line ? 2 : area ? 1 : 0,
      borderDash: each.dashed ? [5, 4] : [],
      fill: area ? (number ? "-1" : "origin") : false,
      pointRadius: line && each.values.filter((value) => value !== null).length < 3 ? 3 : 0,
      pointHitRadius: 12,
      clip: 6, // a point at the very top is drawn whole
      tension: 0,
      spanGaps: false,
    }));
    const axis = { ticks: { color: ink, maxRotation: 0, autoSkipPadding: 12 }, border: { color: grid } };
    drawn.set(canvas, new Chart(canvas, {
      type: told.kind === "bar" ? "bar" : "line",
      data: { labels: told.labels, datasets },
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        interaction: { mode: "index", intersect: false },
        font: { family: "Inter" },
        plugins: {
          legend: { display: told.series.length > 1, position: "bottom", labels: { color: ink, boxWidth: 14, boxHeight: 10, padding: 8, font: { size: 11 } } },
          tooltip: { callbacks: { label: (item) => `${item.dataset.label}: ${written(item.parsed.y)}` } },
        },
        scales: {
          x: { ...axis, stacked: !line, grid: { display: false }, display: !told.small },
          y: { ...axis, stacked: !line, beginAtZero: true, max: told.most ?? undefined, grid: { color: grid },
               ticks: { ...axis.ticks, maxTicksLimit: told.small ? 3 : 6, precision: told.places ? undefined : 0 } },
        },
      },
    }));
  };

  const forget = (canvas) => { drawn.get(canvas).destroy(); drawn.delete(canvas); };

  const renew = (all) => {
    for (const canvas of [...drawn.keys()]) if (all || !canvas.isConnected) forget(canvas);
    for (const canvas of document.querySelectorAll("canvas[data-chart]")) if (!drawn.has(canvas)) draw(canvas);
  };

  renew(false);
  let dark = document.documentElement.classList.contains("dark");
  new MutationObserver(() => {
    const now = document.documentElement.classList.contains("dark");
    if (now !== dark) { dark = now; renew(true); }
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  for (const part of document.querySelectorAll("[data-refresh]")) {
    new MutationObserver(() => renew(false)).observe(part, { childList: true, subtree: true });
  }
})();
