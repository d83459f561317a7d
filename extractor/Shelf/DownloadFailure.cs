namespace Headstart.Extraction.Shelf;

/// <summary>Why one attempt brought no file. Its message is a clause, such as "the server answered 404 Not Found".</summary>
/// <param name="passing">Whether another attempt may succeed.</param>
internal sealed class DownloadFailure(string message, bool passing, Exception? cause = null) : Exception(message, cause)
{
    public bool IsPassing { get; } = passing;

    /// <summary>The server has no bytes where it was asked to go on: the partial file is no part of its file.</summary>
    public bool IsBeyondEnd { get; init; }
}
