using System.Text.Json;

namespace Headstart.Extraction.Shelf;

/// <summary>
/// What the first fetch of a model brought, for later ones to be compared with, where nothing is published that they could be checked
/// against.
/// </summary>
/// <param name="Source">The shelf's address of the weights at that time: a shelf with another address begins another record.</param>
/// <param name="From">The address or file that they came from.</param>
/// <param name="RecordedAt">When.</param>
/// <param name="IsChecked">Whether they come from a whole file that had the published checksum.</param>
/// <param name="Sha256">Of the whole file; null when only the base was fetched.</param>
/// <param name="Tensors">The SHA-256 of each tensor of the base; null for files of another format.</param>
/// <param name="BaseSha256">Of the file that holds only the base, as it lies here; null when the whole was fetched.</param>
internal sealed record FetchRecord(
    string Source,
    string From,
    DateTimeOffset RecordedAt,
    bool IsChecked,
    string? Sha256 = null,
    IReadOnlyDictionary<string, string>? Tensors = null,
    string? BaseSha256 = null)
{
    /// <returns>Null where there is none, or one of another source.</returns>
    /// <exception cref="CommandException">The record is damaged.</exception>
    public static FetchRecord? Read(string path, ShelfModel model)
    {
        try
        {
            if (!File.Exists(path))
                return null;
            var record = JsonSerializer.Deserialize<FetchRecord>(File.ReadAllText(path), HeadstartJson.Compact);
            return record?.Source == model.Addresses[0] ? record : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CommandException(
                $"Can't read {path}, the record of an earlier fetch: {e.Message} Delete it to begin a new one.", cause: e);
        }
    }

    public void Write(string path) => AtomicFile.WriteText(path, JsonSerializer.Serialize(this, HeadstartJson.Indented) + "\n");
}
