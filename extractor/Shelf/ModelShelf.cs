using System.Text.Json;

namespace Headstart.Extraction.Shelf;

/// <summary>The models that can be fetched by name: <c>onnx/models.json</c>, which the program carries inside.</summary>
internal sealed record ModelShelf(IReadOnlyList<ShelfModel> Models)
{
    private const string Resource = "models.json";

    public static ModelShelf Load()
    {
        using var stream = typeof(ModelShelf).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"The program was built without {Resource}.");
        return JsonSerializer.Deserialize<ModelShelf>(stream, HeadstartJson.Strict)!;
    }

    /// <exception cref="CommandException">No such model; the message lists the near ones.</exception>
    public ShelfModel Named(string name) => Models.FirstOrDefault(m => m.Name == name)
        ?? throw CommandException.Usage($"The shelf has no model '{name}'. The nearest names: " +
            $"{string.Join(", ", NearestNames.To(name, Models.Select(m => m.Name)))}. " +
            "See 'extractor model list'; weights that you have become a model with 'extractor model import'.");
}
