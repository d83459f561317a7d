using System.Buffers.Binary;
using System.Numerics;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Training;

namespace Headstart.Tests.Reports;

public sealed class TensorBoardLogTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_epoch_is_there_as_TensorBoard_reads_it()
    {
        var log = new TensorBoardLog(_folder.Path);
        log.Append(Epoch(1, 0.7, 0.5));
        log.Append(Epoch(2, 0.25, null));

        var values = Read();

        Assert.Equal(
            [
                ("loss/train", 1L, 1.7f), ("loss/validation", 1, 0.7f), ("accuracy/train", 1, 0.25f), ("accuracy/validation", 1, 0.75f),
                ("auc/validation", 1, 0.5f), ("learning rate", 1, 1e-3f),
                ("loss/train", 2, 1.25f), ("loss/validation", 2, 0.25f), ("accuracy/train", 2, 0.25f), ("accuracy/validation", 2, 0.75f),
                ("learning rate", 2, 1e-3f),
            ],
            values);
    }

    [Fact]
    public void What_an_earlier_go_left_is_replaced()
    {
        new TensorBoardLog(_folder.Path).Append(Epoch(1, 0.9, null));
        new TensorBoardLog(_folder.Path).Append(Epoch(1, 0.5, null));

        Assert.Equal(0.5f, Assert.Single(Read(), v => v.Tag == "loss/validation").Value);
    }

    private static EpochRecord Epoch(int number, double loss, double? auc) =>
        new(number, new Figures(loss + 1, 0.25, null), new Figures(loss, 0.75, auc), 1e-3, 0.1);

    // The format of TensorFlow's record files (tensorflow/core/lib/io/record_writer.h): length, its masked CRC-32C, the event, its masked
    // CRC-32C.
    private List<(string Tag, long Step, float Value)> Read()
    {
        var bytes = File.ReadAllBytes(Assert.Single(Directory.GetFiles(_folder.Path, "events.out.tfevents.*"))).AsSpan();
        var values = new List<(string, long, float)>();
        for (var isFirst = true; bytes.Length > 0; isFirst = false)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            Assert.Equal(MaskedCrc(bytes[..8]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]));
            var data = bytes.Slice(12, length);
            Assert.Equal(MaskedCrc(data), BinaryPrimitives.ReadUInt32LittleEndian(bytes[(12 + length)..]));
            var entry = Tensorboard.Event.Parser.ParseFrom(data.ToArray());
            if (isFirst)
                Assert.Equal("brain.Event:2", entry.FileVersion);
            foreach (var value in entry.Summary?.Value ?? [])
                values.Add((value.Tag, entry.Step, value.SimpleValue));
            bytes = bytes[(16 + length)..];
        }

        return values;
    }

    private static uint MaskedCrc(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var b in data)
            crc = BitOperations.Crc32C(crc, b);
        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
    }
}
