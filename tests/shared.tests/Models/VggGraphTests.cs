using Headstart.Models;

namespace Headstart.Tests.Models;

public sealed class VggGraphTests
{
    // Keras' own counts for include_top=False: VGG16 and VGG19 from https://keras.io/api/applications/vgg/ (model.summary());
    // VGG11 and VGG13 from torchvision 0.14's features: sum(p.numel() for p in vgg11().features.parameters()).
    [Theory]
    [InlineData("vgg11", 9_220_480, 8)]
    [InlineData("vgg13", 9_404_992, 10)]
    [InlineData("vgg16", 14_714_688, 13)]
    [InlineData("vgg19", 20_024_384, 16)]
    public void Architectures_have_the_published_number_of_weights(string name, long weights, int convolutions)
    {
        var architecture = VggArchitecture.Named(name);

        Assert.Equal(weights, architecture.Convolutions.Sum(c => (9L * c.InChannels * c.OutChannels) + c.OutChannels));
        Assert.Equal(convolutions, architecture.Convolutions.Count);
    }

    [Fact]
    public void Layers_have_keras_names_in_keras_order() => Assert.Equal(
        ["block1_conv1", "block1_conv2", "block1_pool", "block2_conv1", "block2_conv2", "block2_pool", "block3_conv1", "block3_conv2",
            "block3_conv3", "block3_pool"],
        VggArchitecture.Vgg16.LayerNames.Take(10));

    [Fact]
    public void A_graph_reaches_down_to_the_deepest_layer_and_no_further()
    {
        var asked = new List<string>();
        var (model, layers) = VggGraph.Build(VggArchitecture.Vgg16, ["block2_conv1", "block1_pool"], 32, c =>
        {
            asked.Add(c.Name);
            return new ConvolutionWeights(new float[c.OutChannels * c.InChannels * 9], new float[c.OutChannels]);
        });

        Assert.Equal(["block1_conv1", "block1_conv2", "block2_conv1"], asked);
        Assert.Equal(
            [new ModelLayer("block1_pool", new LayerShape(64, 16, 16)), new ModelLayer("block2_conv1", new LayerShape(128, 16, 16))],
            layers);
        Assert.Equal("block2_conv1", model.Graph.Node[^1].Output[0]);
        Assert.Contains("block1_conv1.weight", model.Graph.Initializer.Select(t => t.Name));
    }

    [Fact]
    public void An_unknown_layer_is_answered_with_the_nearest_names() => Assert.Contains(
        "block5_pool", Assert.Throws<CommandException>(() => VggArchitecture.Vgg16.ConvolutionsUpTo("block5pool")).Message);

    [Fact]
    public void An_unknown_architecture_is_answered_with_those_that_are() => Assert.Contains(
        "vgg11, vgg13, vgg16, vgg19", Assert.Throws<CommandException>(() => VggArchitecture.Named("vgg18")).Message);
}
