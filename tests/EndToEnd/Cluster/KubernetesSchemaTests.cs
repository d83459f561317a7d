namespace Headstart.Tests.Cluster;

/// <summary>scripts/k8s-extract-job.yaml against the schema of the Kubernetes API.</summary>
[Trait("Category", "Slow")]
public sealed class KubernetesSchemaTests(ApiChecker api) : IClassFixture<ApiChecker>
{
    private static readonly string Job = File.ReadAllText(Path.Combine(Repository.Root, "scripts/k8s-extract-job.yaml"));

    private static readonly (string Right, string Wrong, string Message)[] Faults =
    [
        ("backoffLimitPerIndex:", "backofLimitPerIndex:", "backofLimitPerIndex"),
        ("completionMode: Indexed", "completionMode: Index", "/spec/completionMode must be equal to one of the allowed values"),
        ("memory: 4Gi", "memory: 4GiB", "/spec/template/spec/containers/0/resources/limits/memory must match format"),
        ("completions: 4", "completions: \"4\"", "/spec/completions must be integer"),
        ("mountPath: /cache", "subPath: cache", "/spec/template/spec/containers/0/volumeMounts/2 must have required property mountPath"),
        ("apiVersion: batch/v1", "apiVersion: batch/v2", "batch/v2"),
        ("completions: 4", "completions: 4\n  completions: 4", "Map keys must be unique"),
    ];

    [Fact]
    public async Task The_job_is_one_as_the_Kubernetes_API_has_it_and_a_fault_in_it_would_be_found()
    {
        Assert.All(Faults, f => Assert.Contains(f.Right, Job, StringComparison.Ordinal));

        var found = await api.Check([Job, .. Faults.Select(f => Job.Replace(f.Right, f.Wrong, StringComparison.Ordinal))]);

        Assert.Equal(1 + Faults.Length, found.Count);
        Assert.Empty(found[0]);
        Assert.All(Faults.Zip(found.Skip(1)), f => Assert.Contains(f.Second,
            fault => fault.Contains(f.First.Message, StringComparison.Ordinal)));
    }
}
