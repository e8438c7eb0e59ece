import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import org.neo4j.configuration.GraphDatabaseSettings;
import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.connectors.HttpConnector;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.dbms.api.DatabaseManagementService;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;

/**
 * A throw-away Neo4j for tests: a real server with its Bolt port, no password and small caches.
 *
 * <p>Arguments: the data folder and the port on 127.0.0.1. It prints {@code ready} once a query would be
 * answered, and ends as soon as its standard input is closed, so it never outlives the process that started it.
 * It must never hold data that anyone wants to keep: it stops without flushing.
 */
public final class Neo4jServer {
    private static final String DATABASE = "neo4j";
    private static final long MEBIBYTE = 1024 * 1024;

    private Neo4jServer() {}

    public static void main(String[] arguments) throws IOException {
        if (arguments.length != 2) {
            System.err.println("usage: Neo4jServer DATA_FOLDER PORT");
            System.exit(2);
        }
        endWhenInputCloses();
        int port = Integer.parseInt(arguments[1]);
        SocketAddress address = new SocketAddress("127.0.0.1", port);
        DatabaseManagementService server =
                new DatabaseManagementServiceBuilder(Path.of(arguments[0]))
                        .setConfig(BoltConnector.enabled, true)
                        .setConfig(BoltConnector.listen_address, address)
                        .setConfig(BoltConnector.advertised_address, address)
                        .setConfig(HttpConnector.enabled, false)
                        .setConfig(GraphDatabaseSettings.auth_enabled, false)
                        .setConfig(GraphDatabaseSettings.pagecache_memory, 64 * MEBIBYTE)
                        .build();
        if (!server.database(DATABASE).isAvailable(Duration.ofSeconds(60).toMillis())) {
            System.err.println("the database " + DATABASE + " did not become available");
            Runtime.getRuntime().halt(1);
        }
        System.out.println("ready bolt://127.0.0.1:" + port);
    }

    private static void endWhenInputCloses() {
        Thread watcher = new Thread(() -> {
            try {
                while (System.in.read() >= 0) {
                    // The starter sends nothing; only the end of the stream means something.
                }
            } catch (IOException closed) {
                // A broken pipe says the same as its end.
            }
            Runtime.getRuntime().halt(0);
        }, "stdin-watcher");
        watcher.setDaemon(true);
        watcher.start();
    }
}
