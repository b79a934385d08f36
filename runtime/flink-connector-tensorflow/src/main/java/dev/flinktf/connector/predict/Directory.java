package dev.flinktf.connector.predict;

import dev.flinktf.connector.role.RoleFailedException;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/** Asks the job's coordinator where its roles are; one request at a time, whoever wants to know. */
final class Directory {

    /** Environment variables of the TaskManager. */
    static final String COORDINATOR = "FLINKTF_COORDINATOR";

    static final String TOKEN_FILE = "FLINKTF_TOKEN_FILE";

    /** How long the coordinator waits for news before it answers, in seconds. */
    private static final int WAIT = 1;
    private static final Duration PATIENCE = Duration.ofSeconds(5);
    private static final long RETRY_MILLIS = 500;
    private static final int OK = 200;
    private static final int UNAUTHORIZED = 401;

    private final String url;
    private final String tokenFile;
    private final String token;
    private final HttpClient http = HttpClient.newBuilder().connectTimeout(PATIENCE).build();

    private Instances newest = Instances.NONE;
    private volatile String problem = "";

    private Directory(String url, String tokenFile, String token) {
        this.url = url;
        this.tokenFile = tokenFile;
        this.token = token;
    }

    /** Of this TaskManager's job. */
    static Directory ofEnvironment() throws RoleFailedException {
        Map<String, String> environment = System.getenv();
        for (String variable : new String[] {COORDINATOR, TOKEN_FILE}) {
            if (!environment.containsKey(variable)) {
                throw new RoleFailedException(
                        variable + " is not set: models are served by the roles of a FlinkTFJob, and this TaskManager is not "
                                + "one of a FlinkTFJob's pipeline.");
            }
        }
        Path file = Path.of(environment.get(TOKEN_FILE));
        try {
            return new Directory(environment.get(COORDINATOR), file.toString(), Files.readString(file).strip());
        } catch (IOException error) {
            throw new RoleFailedException("The job's token cannot be read from " + file + " (" + TOKEN_FILE + ")", error);
        }
    }

    String token() {
        return token;
    }

    /** Why nobody knows where the roles are, as the end of an error's sentence; empty when that is known. */
    String problem() {
        return problem;
    }

    /**
     * What is known beyond {@code version}; what was known already, when there is no news for a while.
     *
     * @throws RoleFailedException when the coordinator does not know the token
     */
    synchronized Instances newerThan(long version) throws InterruptedException, RoleFailedException {
        if (newest.version() <= version) {
            try {
                newest = ask(version);
                problem = "";
            } catch (RoleFailedException error) {
                throw error;
            } catch (IOException error) {
                problem = String.format("; the coordinator at %s does not answer (%s)", url, error);
                Thread.sleep(RETRY_MILLIS);
            }
        }
        return newest;
    }

    private Instances ask(long version) throws IOException, InterruptedException {
        HttpRequest request =
                HttpRequest.newBuilder(URI.create(url + "/v1/status?version=" + version + "&wait=" + WAIT))
                        .header("Authorization", "Bearer " + token)
                        .timeout(PATIENCE)
                        .build();
        HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() == UNAUTHORIZED) {
            throw new RoleFailedException(
                    "The coordinator at " + url + " does not know the token in " + tokenFile + " (" + TOKEN_FILE + ")");
        }
        if (answer.statusCode() != OK) {
            throw new IOException("HTTP " + answer.statusCode());
        }
        return Instances.parse(answer.body());
    }
}
