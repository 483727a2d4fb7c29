import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;

/** Java's own HTTP client, which negotiates by itself with the tickets of the cache. Prints status, body and what the server proved itself with. */
public final class Fetch {
  public static void main(String[] args) throws Exception {
    HttpURLConnection connection = (HttpURLConnection) URI.create(args[0]).toURL().openConnection();
    int status = connection.getResponseCode();
    System.out.println(status);
    if (status == 200) System.out.println(new String(connection.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
    System.out.println(connection.getHeaderField("WWW-Authenticate"));
  }
}
