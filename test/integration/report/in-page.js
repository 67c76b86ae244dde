/**
 * What the tests measure in the page itself, as `measure`. Runs in the browser: no imports, and plain JavaScript,
 * because the DOM's types differ from those of the other files.
 */
globalThis.measure = (() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const box = (element) => element.getBoundingClientRect();
  /** Overlaps of up to half a pixel are ignored. */
  const slack = 0.5;
  const apart = (a, b) =>
    a.right <= b.left + slack ||
    b.right <= a.left + slack ||
    a.bottom <= b.top + slack ||
    b.bottom <= a.top + slack;
  const inside = (a, b) =>
    a.left >= b.left - slack &&
    a.right <= b.right + slack &&
    a.top >= b.top - slack &&
    a.bottom <= b.bottom + slack;

  /** The text of SVG elements that overlap each other, leave the picture, or leave the bar they are written on. */
  function crampedText() {
    return all('svg').flatMap((svg) => {
      const texts = all('text', svg);
      const bars = all('rect', svg).map(box);
      const overlapping = texts.filter((text, index) =>
        texts.slice(index + 1).some((other) => !apart(box(text), box(other))),
      );
      const clipped = texts.filter((text) => !inside(box(text), box(svg)));
      const onEdge = texts.filter((text) =>
        bars.some((bar) => {
          const { left, right, top, bottom } = box(text);
          const middle = { left, right, top: (top + bottom) / 2, bottom: (top + bottom) / 2 };
          return !apart({ ...middle, bottom: middle.bottom + 1 }, bar) && !inside(middle, bar);
        }),
      );
      return [...overlapping, ...clipped, ...onEdge].map((text) => text.textContent);
    });
  }

  /** `rgb(...)` or `rgba(...)` as red, green, blue (0 to 255) and alpha. */
  function parse(color) {
    const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number);
    if (!/^rgba?\(/.test(color)) throw new Error(`A colour of another kind: ${color}`);
    return [red, green, blue, alpha];
  }
  const over = ([r, g, b, alpha], below) =>
    [r, g, b].map((part, index) => alpha * part + (1 - alpha) * below[index]);

  /** WCAG 2, relative luminance and contrast ratio. */
  function luminance(color) {
    const [r, g, b] = color.map((part) => {
      const c = part / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }
  function ratio(a, b) {
    const [low, high] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  }
  const page = () => over(parse(getComputedStyle(document.body).backgroundColor), [255, 255, 255]);

  /** Each text of the pictures with its contrast to its background: a bar, or the page. */
  function pictureContrasts() {
    return all('svg').flatMap((svg) => {
      const bars = all('rect', svg);
      return all('text', svg).map((text) => {
        const { left, right, top, bottom } = box(text);
        const point = { left: (left + right) / 2, right: (left + right) / 2 };
        const centre = { ...point, top: (top + bottom) / 2, bottom: (top + bottom) / 2 };
        const bar = bars.find((candidate) => inside(centre, box(candidate)));
        let background = page();
        if (bar) {
          const { fill, opacity } = getComputedStyle(bar);
          background = over([...parse(fill).slice(0, 3), Number(opacity)], background);
        }
        const ink = over(parse(getComputedStyle(text).fill), background);
        return { text: text.textContent, ratio: ratio(ink, background) };
      });
    });
  }

  /** The pictures as numbers: names of the lanes, and positions relative to the picture, in order of appearance. */
  function pictures() {
    return all('svg').map((svg) => {
      const { left, top } = box(svg);
      const held = box(svg.querySelector('rect.held'));
      return {
        top,
        heading: svg.closest('div').previousElementSibling.textContent,
        lanes: all('text.lane', svg).map((lane) => lane.textContent),
        laneTops: all('text.lane', svg).map((lane) => box(lane).top),
        ticks: all('text.tick', svg).map((tick) => tick.textContent),
        marks: all('line', svg).map((line) => box(line).left - left),
        held: { start: held.left - left, end: held.right - left },
      };
    });
  }

  /**
   * The focused element, by its index in `focusable`, and the contrast of its ring with the page; null if there is
   * none.
   */
  const focusable = () => all('a[href], summary, button, [tabindex]').filter((one) => one.checkVisibility());
  function focus() {
    const index = focusable().indexOf(document.activeElement);
    if (index < 0) return null;
    const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(document.activeElement);
    const width = outlineStyle === 'none' ? 0 : Number.parseFloat(outlineWidth);
    return { index, width, contrast: ratio(parse(outlineColor), page()) };
  }

  function unfold() {
    for (const details of all('details')) details.open = true;
  }

  return { unfold, crampedText, pictureContrasts, pictures, focus, focusables: () => focusable().length };
})();
