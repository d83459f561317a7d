using Headstart.Images;

namespace Headstart.Tests.Images;

public sealed class DecodingMemoryTests
{
    [Fact]
    public void Never_more_is_given_than_there_is_and_everyone_is_served()
    {
        var memory = new DecodingMemory(1000);
        var (held, most, served) = (0L, 0L, 0);

        Parallel.For(0, 2000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            // Some need more than there is, and get all of it.
            var wanted = 1 + (i * 389 % 1300);
            using var share = memory.Open();
            share.Take(wanted);
            var now = Interlocked.Add(ref held, Math.Min(wanted, 1000));
            InterlockedMax(ref most, now);
            Thread.Yield();
            Interlocked.Add(ref held, -Math.Min(wanted, 1000));
            Interlocked.Increment(ref served);
        });

        Assert.Equal((2000, 0L), (served, held));
        Assert.InRange(most, 1000, 1000);
    }

    [Fact]
    public void A_share_that_grows_waits_with_empty_hands()
    {
        var memory = new DecodingMemory(100);
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            using var share = memory.Open();
            share.Take(40);
            share.Take(20);
            share.Take(80);
            share.TakeAll();
            share.Take(90);
        });

        using var last = memory.Open();
        last.TakeAll();
    }

    [Theory]
    [InlineData(".jpg", 12)]
    [InlineData(".png", 9)]
    [InlineData(".gif", 4)]
    [InlineData(".webp", 9)]
    [InlineData(".tif", 9)]
    [InlineData(".bmp", 7)]
    public async Task Decoding_waits_until_there_is_memory_for_the_whole_picture(string suffix, int bytesPerPixel)
    {
        var memory = new DecodingMemory(24 * 17 * bytesPerPixel);
        var other = memory.Open();
        other.Take(1);
        var decoding = Task.Run(
            () =>
            {
                using var share = memory.Open();
                return ImageDecoder.Decode(DamagedFileTests.Sample(suffix), ExifOrientation.Ignore, share).Width;
            },
            TestContext.Current.CancellationToken);
        await Task.Delay(200, TestContext.Current.CancellationToken);
        Assert.False(decoding.IsCompleted);

        other.Dispose();

        Assert.Equal(24, await decoding.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
    }

    private static void InterlockedMax(ref long most, long value)
    {
        for (var seen = Interlocked.Read(ref most); value > seen;)
        {
            var before = Interlocked.CompareExchange(ref most, value, seen);
            if (before == seen)
                return;
            seen = before;
        }
    }
}
