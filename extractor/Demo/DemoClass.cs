namespace Headstart.Extraction.Demo;

/// <summary>One class of demo pictures: a name and a figure that varies within the class.</summary>
/// <param name="Name">Also the folder's name.</param>
/// <param name="Figure">A figure of this class in the unit disc.</param>
internal sealed record DemoClass(string Name, Func<DemoRandom, SignedDistance> Figure)
{
    /// <summary>All classes. A set of n classes takes the first n: the order is part of what a seed means.</summary>
    public static IReadOnlyList<DemoClass> All { get; } =
    [
        new("disc", r => Shapes.Disc(r.Uniform(0.8f, 0.95f))),
        new("spiral", r => Shapes.Spiral(r.Uniform(0.34f, 0.5f), r.Chance(0.5f))),
        new("star", r => Shapes.Star(r.Whole(5, 7), r.Uniform(0.4f, 0.55f))),
        new("stripes", r => Cut(Textures.Stripes(r.Uniform(0.3f, 0.5f)), r)),
        new("ring", r => Shapes.Ring(0.78f, r.Uniform(0.1f, 0.2f))),
        new("checker", r => Cut(Textures.Checker(r.Uniform(0.5f, 0.8f)), r)),
        new("triangle", _ => Shapes.RegularPolygon(3)),
        new("cross", r => Shapes.Cross(r.Uniform(0.18f, 0.32f))),
        new("square", _ => Shapes.RegularPolygon(4)),
        new("crescent", r => Shapes.Crescent(r.Uniform(0.4f, 0.6f))),
        new("dots", r => Cut(Textures.Dots(r.Uniform(0.36f, 0.5f), r.Uniform(0.11f, 0.15f)), r)),
        new("rays", r => Shapes.Intersection(Textures.Rays(r.Whole(7, 11)), Shapes.Disc(0.95f))),
        new("heart", _ => Shapes.Heart()),
        new("waves", r => Cut(Textures.Waves(r.Uniform(0.36f, 0.5f), r.Uniform(0.12f, 0.2f)), r)),
        new("target", r => Shapes.Intersection(Textures.Target(r.Uniform(0.36f, 0.5f)), Shapes.Disc(0.95f))),
        new("grid", r => Cut(Textures.Grid(r.Uniform(0.35f, 0.5f), r.Uniform(0.05f, 0.07f)), r)),
    ];

    // A texture is seen through a hole that is round, square or in between, so that its outline says nothing.
    private static SignedDistance Cut(SignedDistance texture, DemoRandom random)
    {
        var roundness = random.Uniform();
        var side = 0.7f + 0.2f * roundness;
        return Shapes.Intersection(texture, Shapes.Box(side, side, roundness * side));
    }
}
