using System.Text.Json;
using System.Text.Json.Nodes;
using Headstart.Cache;
using Headstart.Models;
using Headstart.Preprocessing;

namespace Headstart.Tests.Cache;

/// <summary>
/// Contracts of earlier versions are read. The JSON is what 0.1.0 of November 2026 (commit e97473b) wrote into the footers of
/// <c>extractor extract pics --model onnx/demo-base.onnx --out cache --layer block4_pool</c>. It is never made anew.
/// </summary>
public sealed class OldContractTests
{
    private const string Frozen = """
        {"schema":1,"model":"demo-base","modelSha256":"ab6bf8c990ae7f5d62cb552c85046052008d4a90c0c4e91e51fd2c18d014e349",
        "preprocessing":{"preset":"custom","size":64,"resize":"stretch","filter":"bilinear-antialiased","channels":"rgb","divideBy":255,
        "mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25],"exif":"ignore"},"precision":"float32","layers":[{"name":"block4_pool","shape":[64,4,4]}],
        "provider":"cpu","tool":"0.1.0"}
        """;

    [Fact]
    public void A_contract_of_schema_1_is_read()
    {
        var contract = Read(JsonNode.Parse(Frozen)!);

        Assert.Equal(("demo-base", "float32", "cpu"), (contract.Model, contract.Precision, contract.Provider));
        Assert.Equal([new ModelLayer("block4_pool", new LayerShape(64, 4, 4))], contract.Layers);
        var images = contract.Preprocessing;
        Assert.Equal((64, ResizeMode.Stretch, ResizeFilter.BilinearAntialiased), (images.Size, images.Resize, images.Filter));
    }

    [Fact]
    public void Names_that_nobody_knows_are_skipped_and_change_nothing()
    {
        var json = JsonNode.Parse(Frozen)!;
        json["somethingNew"] = "of a later version";

        Assert.Null(Read(json).FirstDifference(Read(JsonNode.Parse(Frozen)!)));
    }

    [Fact]
    public void A_contract_of_a_later_schema_is_refused()
    {
        var json = JsonNode.Parse(Frozen)!;
        json["schema"] = CacheContract.CurrentSchema + 1;

        Assert.Contains("use the version that wrote it", Assert.Throws<JsonException>(() => Read(json)).Message, StringComparison.Ordinal);
    }

    private static CacheContract Read(JsonNode json) =>
        CacheContract.FromMetadata(new Dictionary<string, string> { [CacheContract.MetadataKey] = json.ToJsonString() })!;
}
