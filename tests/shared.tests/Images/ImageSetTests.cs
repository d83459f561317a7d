using Headstart.Images;

namespace Headstart.Tests.Images;

public sealed class ImageSetTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Folders_are_classes_in_ordinal_order()
    {
        Touch("dogs/b.JPG", "dogs/a.png", "cats/deep/c.webp", "Zebras/z.tiff", "cats/notes.txt", "cats/.hidden.jpg");

        var set = ImageSet.Open(_folder.Path);

        Assert.Equal(["Zebras", "cats", "dogs"], set.Classes);
        Assert.Equal(["Zebras/z.tiff", "cats/deep/c.webp", "dogs/a.png", "dogs/b.JPG"], set.Items.Select(i => i.Path));
        Assert.Equal(["Zebras", "cats", "dogs", "dogs"], set.Items.Select(i => i.Label));
        Assert.All(set.Items, i => Assert.Null(i.Split));
    }

    [Fact]
    public void Folders_are_splits_only_when_all_have_such_names()
    {
        Touch("train/cats/1.jpg", "val/cats/2.jpg", "test/dogs/3.jpg");
        Assert.Equal(
            [("test", "dogs"), ("train", "cats"), ("val", "cats")], ImageSet.Open(_folder.Path).Items.Select(i => (i.Split!, i.Label!)));

        Touch("other/cats/4.jpg");
        Assert.Equal(["other", "test", "train", "val"], ImageSet.Open(_folder.Path).Classes);
    }

    [Fact]
    public void A_flat_folder_and_a_single_file_have_no_labels()
    {
        Touch("a.jpg", "b.gif");

        Assert.Equal(["a.jpg", "b.gif"], ImageSet.Open(_folder.Path).Items.Select(i => i.Path));
        var single = ImageSet.Open(_folder.File("b.gif"));
        Assert.Equal(new ImageItem("b.gif", _folder.File("b.gif"), null, null), Assert.Single(single.Items));
        Assert.Empty(single.Classes);
    }

    [Fact]
    public void A_csv_gives_paths_relative_to_itself_in_its_own_order()
    {
        var csv =
            _folder.Write("lists/set.csv", "split,Label,path,extra\nval,dogs,../b.jpg,x\n,\"cats, big\",\"we ird,\"\"1\"\".jpg\",y\n"u8);

        var set = ImageSet.Open(csv);

        Assert.Equal(
            [new("../b.jpg", _folder.File("lists", "../b.jpg"), "dogs", "val"), new(
                "we ird,\"1\".jpg", _folder.File("lists", "we ird,\"1\".jpg"), "cats, big", null)],
            set.Items);
    }

    [Theory]
    [InlineData("file,label\na.jpg,x\n", ":1: expected the columns path,label")]
    [InlineData("path,label\na.jpg,x\n,y\n", ":3: the path is empty")]
    [InlineData("path,label\na.jpg,x\na.jpg,y\n", ":3: a.jpg is already on line 2")]
    [InlineData("", ":1: expected the columns")]
    public void A_bad_csv_is_answered_with_its_line(string content, string expected)
    {
        var csv = _folder.Write("set.csv", System.Text.Encoding.UTF8.GetBytes(content));
        Assert.Contains(expected, Assert.Throws<CommandException>(() => ImageSet.Open(csv)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Links_are_followed_but_not_in_circles()
    {
        Touch("real/cats/1.jpg");
        Directory.CreateSymbolicLink(_folder.File("real", "again"), _folder.File("real"));
        Directory.CreateSymbolicLink(_folder.File("linked"), _folder.File("real", "cats"));
        File.CreateSymbolicLink(_folder.File("real", "cats", "2.jpg"), _folder.File("real", "cats", "1.jpg"));

        Assert.Equal(
            ["linked/1.jpg", "linked/2.jpg", "real/cats/1.jpg", "real/cats/2.jpg"], ImageSet.Open(_folder.Path).Items.Select(i => i.Path));
    }

    [Theory]
    [InlineData("no images", "notes.txt")]
    [InlineData("both in class folders and beside them (stray.jpg)", "stray.jpg", "cats/1.jpg")]
    [InlineData("lies directly in the split 'train'", "train/1.jpg", "train/cats/2.jpg")]
    public void What_cannot_be_a_picture_set_is_explained(string expected, params string[] files)
    {
        Touch(files);
        Assert.Contains(
            expected, Assert.Throws<CommandException>(() => ImageSet.Open(_folder.Path)).Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_missing_folder_is_named() =>
        Assert.Contains("No such folder or file", Assert.Throws<CommandException>(() => ImageSet.Open(_folder.File("nowhere"))).Message,
            StringComparison.Ordinal);

    private void Touch(params string[] names)
    {
        foreach (var name in names)
            _folder.Write(name, [1]);
    }
}
