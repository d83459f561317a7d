namespace Headstart.Images;

/// <summary>A file that can't be used as an image; the message is one line for people and the reason in <c>rejected.csv</c>.</summary>
/// <remarks>Says nothing about where the file lies: whoever read it knows that. The same bytes always give the same words.</remarks>
public sealed class ImageRejectedException(string reason, Exception? cause = null) : Exception(reason, cause);
