package controlwatch.testserver;

import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Starts one real Elasticsearch node out of the jars on Maven Central, for tests.
 *
 * <p>The distribution's own main class lives in a launcher that is not published as a jar, and it refuses to run as
 * root; this one builds the same {@code Node}. Arguments: the home directory, then {@code setting=value} pairs. The
 * home holds {@code config/} and {@code modules/}.
 */
public final class ElasticsearchMain {
  private ElasticsearchMain() {}

  public static void main(String[] args) throws Exception {
    Path home = Path.of(args[0]).toAbsolutePath();
    Settings.Builder settings =
        Settings.builder()
            .put("path.home", home.toString())
            .put("cluster.name", "controlwatch-tests")
            .put("node.name", "node-1")
            .put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1");
    for (int i = 1; i < args.length; i++) {
      int equals = args[i].indexOf('=');
      settings.put(args[i].substring(0, equals), args[i].substring(equals + 1));
    }
    Environment environment = new Environment(settings.build(), home.resolve("config"));
    LogConfigurator.registerErrorListener();
    LogConfigurator.configure(environment, true);
    var modules = PluginsLoader.loadModulesBundles(home.resolve("modules"), false);
    Node node =
        new Node(environment, PluginsLoader.createPluginsLoader(modules, Set.of(), Map.of(), false));
    CountDownLatch ended = new CountDownLatch(1);
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  try {
                    node.prepareForClose();
                    node.close();
                  } catch (Exception failure) {
                    failure.printStackTrace();
                  } finally {
                    ended.countDown();
                  }
                }));
    node.start();
    ended.await();
  }
}
