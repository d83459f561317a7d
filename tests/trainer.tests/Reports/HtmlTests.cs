using Headstart.Trainer.Reports;

namespace Headstart.Tests.Reports;

public sealed class HtmlTests
{
    [Fact]
    public void Text_is_escaped_and_html_is_not()
    {
        Html inner = $"<b>{"cats & <dogs>"}</b>";
        Html outer = $"<p title=\"{"\"quoted\""}\">{inner}{new[] { inner, inner }}{0.5:0.00}</p>";

        const string Bold = "<b>cats &amp; &lt;dogs&gt;</b>";
        Assert.Equal($"<p title=\"&quot;quoted&quot;\">{Bold}{Bold}{Bold}0.50</p>", outer.ToString());
    }
}
