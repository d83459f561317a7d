using System.Globalization;
using Headstart.Bench;

Console.WriteLine(Hardware.Describe());
return args switch
{
    ["pipeline", var model, var images, var count, var rounds] =>
        await Run(PipelineBenchmark.RunAsync(model, images, Number(count), Number(rounds))),
    ["resize", var rounds] => await Run(ResizeBenchmark.RunAsync(Number(rounds))),
    ["reading", var cache, var rounds] => await Run(ReadingBenchmark.RunAsync(cache, Number(rounds))),
    ["encoding", var rounds] => await Run(EncodingBenchmark.RunAsync(null, Number(rounds))),
    ["encoding", var rounds, var features] => await Run(EncodingBenchmark.RunAsync(features, Number(rounds))),
    ["sweep", var rounds] => await Run(SweepBenchmark.RunAsync(Number(rounds))),
    ["training", var rounds] => await Run(TrainingBenchmark.RunAsync(Number(rounds), null)),
    ["training", var rounds, var model] => await Run(TrainingBenchmark.RunAsync(Number(rounds), model)),
    ["finetuning", var rounds, var model] => await Run(Task.Run(() => FineTuningBenchmark.Run(Number(rounds), model))),
    ["quantized", var model, var integer, var images, var count, var rounds] =>
        await Run(QuantizationBenchmark.SpeedAsync(model, integer, images, Number(count), Number(rounds))),
    ["quantized-heads", var cache, var integer, var head, var epochs, var rate, var seeds] => await Run(
        QuantizationBenchmark.HeadsAsync(
            cache, integer, head, Number(epochs), double.Parse(rate, CultureInfo.InvariantCulture), Number(seeds))),
    ["storage", var cache, var rounds] => await Run(StorageBenchmark.RunAsync(cache, Number(rounds))),
    ["streaming", var rows, var size, var folder, var epochs] =>
        await Run(StreamingBenchmark.RunAsync(Number(rows), size, folder, Number(epochs))),
    ["streaming", var rows, var size, var folder, var epochs, var beside] =>
        await Run(StreamingBenchmark.RunAsync(Number(rows), size, folder, Number(epochs), beside)),
    ["streaming-cache", var rows, var folder] => await Run(StreamingBenchmark.WriteAsync(folder, Number(rows))),
    ["shuffle", var cache] => await Run(ShuffleBenchmark.RunAsync(cache)),
    ["audit", var rows, var side] => await Run(AuditBenchmark.RunAsync(Number(rows), Number(side))),
    _ => Usage(),
};

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

static async Task<int> Run(Task benchmark)
{
    await benchmark;
    return 0;
}

static int Usage()
{
    Console.Error.WriteLine("""
        usage: bench BENCHMARK ARGUMENTS
          audit IMAGES SIDE
          encoding ROUNDS [FEATURES.f32]
          finetuning ROUNDS VGG.onnx
          pipeline MODEL.onnx IMAGES COUNT ROUNDS
          quantized MODEL.onnx INT8.onnx IMAGES COUNT ROUNDS
          quantized-heads CACHE INT8CACHE HEAD EPOCHS LR SEEDS
          reading CACHE ROUNDS
          resize ROUNDS
          shuffle CACHE
          storage BYTECACHE ROUNDS
          streaming ROWS SIZE CACHE EPOCHS [CACHE]
          streaming-cache ROWS CACHE
          sweep ROUNDS
          training ROUNDS [MODEL.onnx]
        """);
    return 2;
}
