// Draws every chart of the page where it stands. Colours are the page's own, so the
// drawings follow the reader's light or dark scheme, and paper, by themselves.
const config = JSON.parse(document.getElementById("chart-config").textContent);
for (const drawing of document.querySelectorAll(".drawing")) {
  const spec = JSON.parse(drawing.nextElementSibling.textContent);
  vegaEmbed(drawing, { ...spec, config }, {
    actions: false,
    renderer: "svg",
    tooltip: { disableDefaultStyle: true },
  });
}
