// Draws every chart of the page where it stands. Colours are the page's own, so the
// drawings follow the reader's light or dark scheme, and paper, by themselves.
const config = JSON.parse(document.getElementById("chart-config").textContent);
const drawn = [];
for (const drawing of document.querySelectorAll(".drawing")) {
  const spec = JSON.parse(drawing.nextElementSibling.textContent);
  drawn.push(vegaEmbed(drawing, { ...spec, config }, {
    actions: false,
    renderer: "svg",
    tooltip: { disableDefaultStyle: true },
  }));
}
await Promise.all(drawn);

// What is newest is what is looked for first.
for (const box of document.querySelectorAll(".over-time")) {
  box.scrollLeft = box.scrollWidth;
}

// Paper cannot be clicked.
const closed = [];
addEventListener("beforeprint", () => {
  closed.push(...document.querySelectorAll(".meaning:not([open])"));
  for (const meaning of closed) meaning.open = true;
});
addEventListener("afterprint", () => {
  for (const meaning of closed.splice(0)) meaning.open = false;
});

// Only what scrolls sideways is worth a stop of the keyboard.
const sizes = new ResizeObserver((entries) => {
  for (const { target: box } of entries) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
});
for (const box of document.querySelectorAll(".scroll, pre")) sizes.observe(box);
