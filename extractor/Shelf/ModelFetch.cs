using Headstart.Extraction.Import;

namespace Headstart.Extraction.Shelf;

/// <summary>Weights that are here and that nothing speaks against.</summary>
/// <param name="Path">The file to import.</param>
/// <param name="IsWhole">False for the tensors of the base alone.</param>
/// <param name="From">The address or file that they came from.</param>
/// <param name="ReceivedBytes">What came over the network; 0 when all was here already.</param>
/// <param name="Checks">Whole sentences: what was checked, and what could not be.</param>
internal sealed record FetchedWeights(string Path, bool IsWhole, string From, long ReceivedBytes, IReadOnlyList<string> Checks);

/// <summary>Brings the weights of a shelf's model to this machine.</summary>
/// <param name="say">Told about retries and the like, in whole sentences.</param>
internal sealed class ModelFetch(ShelfFolder folder, HttpClient client, DownloadOptions options, TimeProvider time, Action<string> say)
{
    /// <param name="from">A file, or an http(s) address to be used instead of the shelf's; null for those.</param>
    /// <param name="whole">Fetch the whole file even where the base's tensors would do.</param>
    /// <param name="progress">Takes the total in megabytes and returns where to report.</param>
    /// <exception cref="CommandException">No address gave the right weights; what came of them stays for the next time.</exception>
    public async Task<FetchedWeights> RunAsync(
        ShelfModel model, string? from, bool whole, Func<int, IProgress<int>> progress, CancellationToken cancellation)
    {
        var record = FetchRecord.Read(folder.Record(model), model);
        var mirror = from is null ? null : Address(from);
        if (from is not null && mirror is null)
            return FromFile(model, from, record);
        if (WhatIsHere(model, whole, record) is { } here)
            return here;

        var failures = new List<string>();
        var transfer = new TransferProgress(progress);
        foreach (var address in mirror is null ? model.Addresses.Select(a => new Uri(a)) : [mirror])
        {
            try
            {
                return await FromAddressAsync(model, record, new RemoteFile(client, address, options.Stall), whole, transfer, cancellation);
            }
            catch (DownloadFailure e)
            {
                failures.Add($"{address}: {e.Message}.");
            }
        }

        var kept = Math.Max(PartialFile.Kept(folder.Whole(model)), PartialFile.Kept(folder.Base(model)));
        throw new CommandException($"Can't fetch {model.Name} from {string.Join(" Nor from ", failures)} " +
            (kept > 0 ? $"What came ({kept / 1e6:N1} MB) is kept: run the same command again to go on, or get" : "Get") +
            $" {model.File} in another way and pass it with --from FILE.");
    }

    /// <returns>Null for a path.</returns>
    private static Uri? Address(string from)
    {
        if (!from.Contains("://", StringComparison.Ordinal))
            return null;
        return Uri.TryCreate(from, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? uri
            : throw CommandException.Usage($"--from {from} is neither a file nor an http:// or https:// address.");
    }

    private FetchedWeights FromFile(ShelfModel model, string path, FetchRecord? record)
    {
        if (Directory.Exists(path))
            throw CommandException.Usage($"--from {path} is a folder; pass the file with the weights itself ({model.File}).");
        if (!File.Exists(path))
            throw new CommandException(
                $"No such file: {path}. Pass --from a copy of {model.File}, or an http:// or https:// address of one.");
        var format = WeightsFormats.Of(path); // Throws for a pickle, with what to do about it.
        if (model.InTensors != (format == WeightsFormat.Safetensors))
            throw new CommandException($"{path} is not {model.File}, the file that {model.Name} is made of. {OtherWeights(path)}");
        var isWhole = !model.InTensors || BaseTensors.FindIn(path, model).HasOthers;
        var verdict = Judge(model, path, path, isWhole, FileDigests.OfFile(path), record);
        return verdict.Mismatch is { } mismatch
            ? throw new CommandException(
                $"{path} is not {model.File}, the file that {model.Name} is made of: {mismatch}. {OtherWeights(path)}")
            : Accept(model, verdict, new FetchedWeights(path, isWhole, path, 0, verdict.Sentences));
    }

    private static string OtherWeights(string path) =>
        $"Weights of your own become a model with 'extractor model import {path} --preset ... --out FILE.onnx'.";

    /// <summary>What an earlier fetch left, if it is still right.</summary>
    private FetchedWeights? WhatIsHere(ShelfModel model, bool whole, FetchRecord? record)
    {
        foreach (var (path, isWhole) in new[] { (folder.Whole(model), true), (folder.Base(model), false) })
        {
            if (!File.Exists(path) || (whole && !isWhole))
                continue;
            try
            {
                var from = record?.From ?? path;
                var verdict = Judge(model, path, from, isWhole, FileDigests.OfFile(path), record);
                if (verdict.Mismatch is null)
                    return Accept(model, verdict, new FetchedWeights(path, isWhole, from, 0, verdict.Sentences));
                say($"{path} is not what was fetched any more ({verdict.Mismatch}), so it is fetched again.");
            }
            catch (CommandException e)
            {
                say($"{e.Message} So it is fetched again.");
            }
        }

        return null;
    }

    private async Task<FetchedWeights> FromAddressAsync(
        ShelfModel model, FetchRecord? record, RemoteFile remote, bool whole, TransferProgress transfer, CancellationToken cancellation)
    {
        var wait = options.FirstWait;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await AttemptAsync(model, record, remote, whole, transfer, cancellation);
            }
            catch (DownloadFailure e) when (e.IsPassing && attempt < options.Attempts)
            {
                say($"{remote.Address}: {e.Message}. Attempt {attempt + 1} of {options.Attempts} in {wait.TotalSeconds:0.#} s.");
                await Task.Delay(wait, time, cancellation);
                wait *= 2;
            }
            catch (DownloadFailure e) when (e.IsPassing)
            {
                throw new DownloadFailure($"{e.Message} ({options.Attempts} attempts)", passing: false, e);
            }
        }
    }

    private async Task<FetchedWeights> AttemptAsync(
        ShelfModel model, FetchRecord? record, RemoteFile remote, bool whole, TransferProgress transfer, CancellationToken cancellation)
    {
        var download = new WeightsDownload(remote, transfer);
        var notes = new List<string>();
        Downloaded? part = null;
        if (!whole && model.InTensors)
        {
            part = await download.BaseAsync(folder.Base(model), model, cancellation);
            notes.Add(part is null
                ? "The server can't send a part of a file, so the whole was fetched."
                : $"Only the base's tensors were fetched: {PartialFile.Kept(part.Target) / 1e6:N1} of {part.SourceLength / 1e6:N1} MB.");
        }

        var file = part ?? await download.WholeAsync(folder.Whole(model), isPublished: model.Checksum is not null, cancellation);
        var verdict = JudgeDownload(model, file, remote.Address.AbsoluteUri, isWhole: part is null, record);
        PartialFile.Land(file.Target);
        return Accept(model, verdict,
            new FetchedWeights(file.Target, part is null, remote.Address.AbsoluteUri, transfer.Received, [.. notes, .. verdict.Sentences]));
    }

    /// <summary>Throws away what is not right: going on with it would lead nowhere.</summary>
    /// <exception cref="DownloadFailure">Passing where the bytes came in several attempts, which may not fit together.</exception>
    private WeightsVerdict JudgeDownload(ShelfModel model, Downloaded download, string from, bool isWhole, FetchRecord? record)
    {
        string wrong;
        try
        {
            var verdict = Judge(model, PartialFile.PathFor(download.Target), from, isWhole, download.Digests, record);
            if (verdict.Mismatch is null)
                return verdict;
            wrong = verdict.Mismatch;
        }
        catch (CommandException e)
        {
            wrong = e.Message.TrimEnd('.');
        }

        PartialFile.Discard(download.Target);
        throw new DownloadFailure($"what came is not {model.File} and was thrown away: {wrong}", passing: download.WasResumed);
    }

    private WeightsVerdict Judge(ShelfModel model, string path, string from, bool isWhole, FileDigests digests, FetchRecord? record)
    {
        // A whole file with another checksum may be anything: it is not worth looking for tensors in it.
        var isOther = isWhole && model.Checksum is { } published && published.Of(digests) != published.Digest;
        var tensors = model.InTensors && !isOther ? BaseTensors.FindIn(path, model).Digests(path) : null;
        return WeightsCheck.Judge(
            model, new CandidateWeights(from, isWhole, digests, tensors), record, folder.Record(model), time.GetUtcNow());
    }

    private FetchedWeights Accept(ShelfModel model, WeightsVerdict verdict, FetchedWeights weights)
    {
        verdict.Record?.Write(folder.Record(model));
        return weights;
    }
}
