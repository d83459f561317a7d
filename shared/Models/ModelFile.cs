using System.Security.Cryptography;
using System.Text.Json;
using Google.Protobuf;
using Headstart.Models.Onnx;

namespace Headstart.Models;

/// <summary>An ONNX file that carries its contract.</summary>
public sealed class ModelFile
{
    private ModelFile(string path, string sha256, ModelProto proto, ModelContract contract)
    {
        Path = path;
        Sha256 = sha256;
        Proto = proto;
        Contract = contract;
    }

    /// <summary>As the user gave it, for messages.</summary>
    public string Path { get; }

    /// <summary>Of the whole file, lower-case hex.</summary>
    public string Sha256 { get; }

    public ModelProto Proto { get; }

    public ModelContract Contract { get; }

    /// <summary>Reads a model that Headstart has imported.</summary>
    /// <exception cref="CommandException">No such file, not an ONNX file, one without a contract, or one of which a byte has
    /// changed.</exception>
    public static ModelFile Load(string path)
    {
        var bytes = ReadBytes(path);
        var proto = Parse(bytes, path);
        var json = proto.MetadataProps.FirstOrDefault(p => p.Key == ModelContract.MetadataKey)?.Value
            ?? throw new CommandException($"{path} is an ONNX file without Headstart's contract, so its preprocessing is not known. " +
                $"Stamp it with: extractor model import {path} --preset keras|torchvision|mobilenet --out NEW.onnx");
        try
        {
            var contract = JsonSerializer.Deserialize<ModelContract>(json, HeadstartJson.Compact)!;

            // Only files of old versions have no seal, and those have no names that this one doesn't know: such a name is a damaged one.
            if (contract.Seal is null)
                contract = JsonSerializer.Deserialize<ModelContract>(json, HeadstartJson.Strict)!;
            if (contract.Schema > ModelContract.CurrentSchema)
            {
                throw new CommandException(
                    $"{path} has a contract of schema {contract.Schema}; this version of Headstart reads {ModelContract.CurrentSchema}. " +
                    "Import the weights again with this version, or use the version that made the file.");
            }

            if (contract.Seal is { } seal && !ModelSeal.Matches(bytes, seal))
            {
                throw new CommandException(
                    $"{path} is damaged, or was changed after its import: its bytes don't match the checksum inside it. " +
                    $"Import {contract.Weights.File} again, or copy the model again from where it is whole.");
            }

            contract.Preprocessing.Validate();
            return new ModelFile(path, Convert.ToHexStringLower(SHA256.HashData(bytes)), proto, contract);
        }
        catch (JsonException e)
        {
            throw new CommandException($"{path} has a damaged contract ({e.Message}). Import the weights again.", cause: e);
        }
    }

    /// <summary><see cref="Load"/> where features are wanted, not decisions.</summary>
    /// <exception cref="CommandException">As of <see cref="Load"/>, or an exported model.</exception>
    public static ModelFile LoadBase(string path)
    {
        var model = Load(path);
        return model.Contract.Prediction is null
            ? model
            : throw new CommandException($"{path} is an exported model: it gives probabilities of " +
                $"{string.Join(", ", model.Contract.Prediction.Classes)}, no features. " +
                $"Pass the base, {model.Contract.Prediction.Origin.Base}, or ask this model with 'extractor predict {path} IMAGES'.");
    }

    /// <summary>Reads any ONNX file, with or without a contract.</summary>
    /// <exception cref="CommandException">No such file, or not an ONNX file.</exception>
    public static ModelProto LoadGraph(string path) => Parse(ReadBytes(path), path);

    /// <summary>
    /// Puts the contract into <paramref name="proto"/> and writes it; an existing file is replaced only when the new one is whole.
    /// </summary>
    /// <exception cref="CommandException">The target can't be written.</exception>
    public static void Save(ModelProto proto, ModelContract contract, string path)
    {
        var bytes = ToBytes(proto, contract);
        AtomicFile.Write(path, stream => stream.Write(bytes));
    }

    /// <summary>
    /// Puts the contract into <paramref name="proto"/> and gives the bytes of the file, for whoever wants to try them before anybody sees
    /// them.
    /// </summary>
    public static byte[] ToBytes(ModelProto proto, ModelContract contract)
    {
        for (var i = proto.MetadataProps.Count - 1; i >= 0; i--)
        {
            if (proto.MetadataProps[i].Key == ModelContract.MetadataKey)
                proto.MetadataProps.RemoveAt(i);
        }

        proto.MetadataProps.Add(new StringStringEntryProto
        {
            Key = ModelContract.MetadataKey,
            Value = JsonSerializer.Serialize(contract with { Seal = ModelSeal.Blank }, HeadstartJson.Compact),
        });
        var bytes = proto.ToByteArray();
        ModelSeal.Stamp(bytes);
        return bytes;
    }

    private static byte[] ReadBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(Directory.Exists(path)
                ? $"{path} is a folder; pass the .onnx file itself."
                : $"Can't read the model {path}: {e.Message} Make one with 'extractor model import'.", cause: e);
        }
    }

    private static ModelProto Parse(byte[] bytes, string path)
    {
        try
        {
            var proto = ModelProto.Parser.ParseFrom(bytes);
            if (proto.Graph is { Node.Count: > 0, Output.Count: > 0 })
                return proto;
        }
        catch (InvalidProtocolBufferException)
        {
            // Falls through: bytes that don't parse and bytes that parse as nothing are the same to the user.
        }

        throw new CommandException($"{path} is not an ONNX model, or is cut short ({bytes.Length:N0} bytes). " +
            "Weights (.h5, .safetensors) become one with 'extractor model import'.");
    }
}
