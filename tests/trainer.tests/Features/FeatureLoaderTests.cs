using Headstart.Cache;
using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using static TorchSharp.torch;

namespace Headstart.Tests.Features;

public sealed class FeatureLoaderTests : IDisposable
{
    private static readonly string[] Classes = ["cats", "dogs"];
    private static readonly ModelLayer Layer = new("block", new LayerShape(3, 4, 5));

    private readonly string _folder = Directory.CreateTempSubdirectory("headstart-features-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("flatten", 7)] // read straight into place, or row by row where a part is divided
    [InlineData("gap", 7)] // pooled while loading
    [InlineData("avgpool(2), flatten", 100)]
    [InlineData("batchnorm, flatten", 1)] // nothing is fixed: four dimensions stay
    public async Task Rows_arrive_in_the_order_asked_for_as_the_fixed_pieces_leave_them(string spec, int partRows)
    {
        var rows = SyntheticCache.Rows(20, Classes);
        var cache = await WriteAsync(rows, partRows);
        using var head = new Head(HeadPlan.Create(HeadSpec.Parse(spec), Layer, 2), 0, CPU);
        int[] first = [.. Enumerable.Range(3, 20), 2, 39];
        int[] second = [30, 1, 29];

        var sets = await new FeatureLoader(cache, Layer, head)
            .LoadAsync(Classes, [first, second], new Progress<int>(), TestContext.Current.CancellationToken);

        using var noGradient = no_grad();
        foreach (var (set, chosen) in sets.Zip([first, second]))
        {
            Assert.Equal(chosen.Select(r => r < 20 ? 0 : 1), set.Labels);
            for (var i = 0; i < chosen.Length; i++)
            {
                using var scope = NewDisposeScope();
                var expected = head.Reduce(tensor(Values(rows[chosen[i]], Layer), [1, 3, 4, 5]));
                Assert.Equal(expected.contiguous().data<float>().ToArray(), set.Row(i).ToArray());
            }

            set.Dispose();
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public async Task Values_that_are_not_finite_are_refused_with_the_first_image_that_has_one(float bad)
    {
        var rows = SyntheticCache.Rows(20, Classes);
        var cache = await WriteAsync(rows, 4, (row, layer) =>
        {
            var values = Values(row, layer);
            if (row.Path is "cats/0011.jpg" or "dogs/0003.jpg" or "cats/0002.jpg")
                values[^1] = bad;
            return values;
        });
        using var head = new Head(HeadPlan.Create(HeadSpec.Parse("gmp"), Layer, 2), 0, CPU);

        // cats/0002.jpg is not asked for.
        var error = await Assert.ThrowsAsync<CommandException>(() => new FeatureLoader(cache, Layer, head)
            .LoadAsync(Classes, [[.. Enumerable.Range(5, 35)]], new Progress<int>(), TestContext.Current.CancellationToken));

        Assert.Contains("cats/0011.jpg has a value in block that is not a finite number", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_place_of_a_value_that_is_not_finite_is_seen()
    {
        for (var length = 1; length < 70; length++)
        {
            var values = Enumerable.Repeat(-float.MaxValue, length).ToArray();
            Assert.True(FiniteValues.All(values));
            for (var i = 0; i < length; i++)
            {
                Array.Fill(values, float.MaxValue);
                values[i] = float.NegativeInfinity;
                Assert.False(FiniteValues.All(values));
            }
        }
    }

    private async Task<FeatureCache> WriteAsync(List<CacheRow> rows, int partRows, Func<CacheRow, ModelLayer, float[]>? features = null)
    {
        await SyntheticCache.WriteAsync(_folder, SyntheticCache.Contract(Layer), rows, features ?? Values, partRows);
        return await FeatureCache.OpenAsync(_folder, TestContext.Current.CancellationToken);
    }

    private static float[] Values(CacheRow row, ModelLayer layer) => SyntheticCache.Features(row, layer.Shape.Length, 1);
}
