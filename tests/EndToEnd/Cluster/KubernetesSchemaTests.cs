namespace Headstart.Tests.Cluster;

/// <summary>scripts/k8s-extract-job.yaml against the schema of the Kubernetes API.</summary>
[Trait("Category", "Slow")]
public sealed class KubernetesSchemaTests(ApiChecker api) : IClassFixture<ApiChecker>
{
    private static readonly string Job = File.ReadAllText(Path.Combine(Repository.Root, "scripts/k8s-extract-job.yaml"));

    [Fact]
    public async Task The_job_is_one_as_the_Kubernetes_API_has_it() => (await api.Check(Job)).EndedWith(0);

    [Theory]
    [InlineData("backoffLimitPerIndex:", "backofLimitPerIndex:", "backofLimitPerIndex")]
    [InlineData("completionMode: Indexed", "completionMode: Index", "/spec/completionMode must be equal to one of the allowed values")]
    [InlineData("memory: 4Gi", "memory: 4GiB", "/spec/template/spec/containers/0/resources/limits/memory must match format")]
    [InlineData("completions: 4", "completions: \"4\"", "/spec/completions must be integer")]
    [InlineData("mountPath: /cache", "subPath: cache", "/spec/template/spec/containers/0/volumeMounts/2 must have required property mountPath")]
    [InlineData("apiVersion: batch/v1", "apiVersion: batch/v2", "batch/v2")]
    [InlineData("completions: 4", "completions: 4\n  completions: 4", "Map keys must be unique")]
    public async Task A_fault_in_the_job_would_be_found(string right, string wrong, string message)
    {
        Assert.Contains(right, Job, StringComparison.Ordinal);

        var run = (await api.Check(Job.Replace(right, wrong, StringComparison.Ordinal))).EndedWith(1);

        Assert.Contains(message, run.Error, StringComparison.Ordinal);
    }
}
