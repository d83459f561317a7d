namespace Headstart.Tests.Reports;

/// <summary>What holds for every report: nothing is fetched, nothing sticks out, everything can be read.</summary>
internal static class PageCheck
{
    public static void IsWhole(Browser browser)
    {
        Assert.Empty(
            browser.AskList("return performance.getEntriesByType('resource').map(r => r.name).filter(n => !n.startsWith('data:'))"));
        Assert.Empty(browser.AskList(
            "return [...document.querySelectorAll('[src], link[href], script, iframe')].map(e => e.getAttribute('src') || " +
            "e.getAttribute('href') || e.tagName).filter(a => !a.startsWith('data:'))"));
        Assert.True(
            browser.Ask<bool>("return document.documentElement.scrollWidth <= window.innerWidth"),
            "the page is wider than the screen");
        Assert.Empty(browser.AskList("""
            const out = [];
            for (const svg of document.querySelectorAll('figure svg')) {
              const box = svg.getBoundingClientRect();
              const name = svg.parentElement.id;
              if (box.width < 200 || box.height < 100) out.push(name + ' is not drawn');
              for (const text of svg.querySelectorAll('text')) {
                const size = parseFloat(getComputedStyle(text).fontSize) * box.width / svg.viewBox.baseVal.width;
                if (size < 9.5) out.push(name + ': "' + text.textContent + '" is too small: ' + size.toFixed(1));
                const t = text.getBoundingClientRect();
                if (t.left < box.left - 1 || t.right > box.right + 1 || t.top < box.top - 1 || t.bottom > box.bottom + 1)
                  out.push(name + ': "' + text.textContent + '" sticks out');
              }
            }
            return out;
            """));

        // WCAG's contrast ratio of plain text on its ground, at least AA.
        Assert.Empty(browser.AskList("""
            const parse = c => c.match(/[\d.]+/g).map(Number);
            const light = c => { const [r, g, b] = parse(c).map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
            const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (parse(c)[3] !== 0) return c; } return 'rgb(255, 255, 255)'; };
            const out = [];
            for (const e of document.querySelectorAll('h1, h2, p, td, th, figcaption, pre, .figures b, .figures span')) {
              const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
              if ((a + 0.05) / (b + 0.05) < 4.5) out.push(e.tagName + ' "' + e.textContent.slice(0, 30) + '" is hard to read');
            }
            return out;
            """));
    }
}
