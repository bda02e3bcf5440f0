package controlwatch.testserver;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.elasticsearch.Build;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.cluster.node.DiscoveryNodes;
import org.elasticsearch.features.NodeFeature;
import org.elasticsearch.plugins.ActionPlugin;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;

/**
 * Answers {@code GET /} and {@code HEAD /}, which in the distribution is the module rest-root (not on Maven Central).
 *
 * <p>Clients call it for {@code info()} and {@code ping()}.
 */
public final class RootInfoPlugin extends Plugin implements ActionPlugin {
  @Override
  public Collection<RestHandler> getRestHandlers(
      RestHandlersServices services,
      Supplier<DiscoveryNodes> nodesInCluster,
      Predicate<NodeFeature> clusterSupportsFeature) {
    return List.of(
        new RootHandler(
            services.settings().get("node.name"), services.settings().get("cluster.name")));
  }

  private static final class RootHandler extends BaseRestHandler {
    private final String node;
    private final String cluster;

    RootHandler(String node, String cluster) {
      this.node = node;
      this.cluster = cluster;
    }

    @Override
    public String getName() {
      return "root_info";
    }

    @Override
    public List<Route> routes() {
      return List.of(
          new Route(RestRequest.Method.GET, "/"), new Route(RestRequest.Method.HEAD, "/"));
    }

    @Override
    protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client)
        throws IOException {
      return channel -> {
        var body = channel.newBuilder();
        body.startObject().field("name", node).field("cluster_name", cluster);
        body.startObject("version").field("number", Build.current().version());
        body.field("build_flavor", "default").endObject();
        body.field("tagline", "You Know, for Search").endObject();
        channel.sendResponse(new RestResponse(RestStatus.OK, body));
      };
    }
  }
}
