import java.nio.charset.StandardCharsets;
import java.security.PrivilegedExceptionAction;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.security.auth.Subject;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.PasswordCallback;
import javax.security.auth.kerberos.KerberosTicket;
import javax.security.auth.login.AppConfigurationEntry;
import javax.security.auth.login.AppConfigurationEntry.LoginModuleControlFlag;
import javax.security.auth.login.Configuration;
import javax.security.auth.login.LoginContext;
import javax.security.auth.login.LoginException;
import org.ietf.jgss.GSSContext;
import org.ietf.jgss.GSSCredential;
import org.ietf.jgss.GSSManager;
import org.ietf.jgss.GSSName;
import org.ietf.jgss.MessageProp;
import org.ietf.jgss.Oid;

/**
 * Java's own Kerberos against the KDC of the krb5.conf that the system property names: a login with a password, one with a keytab, and a
 * GSS context from the one to the other, with mutual authentication and sealed messages both ways. Says what it saw, one fact a line.
 * Arguments: user, password, service principal, keytab.
 */
public final class Login {
  private static final Oid KERBEROS = oid("1.2.840.113554.1.2.2");
  private static final Oid PRINCIPAL_NAME = oid("1.2.840.113554.1.2.2.1");

  public static void main(String[] args) throws Exception {
    String user = args[0], password = args[1], service = args[2], keytab = args[3];
    try {
      login(user, "wrong", Map.of());
      say("wrong password", "accepted");
    } catch (LoginException e) {
      say("wrong password", e.getMessage());
    }
    Subject client = login(user, password, Map.of());
    say("client", client.getPrincipals().iterator().next());
    KerberosTicket tgt = client.getPrivateCredentials(KerberosTicket.class).iterator().next();
    say("tgt", tgt.getServer());
    say("tgt session etype", tgt.getSessionKeyType());
    say("tgt forwardable", tgt.isForwardable());
    say("tgt seconds", (tgt.getEndTime().getTime() - tgt.getStartTime().getTime()) / 1000);
    Subject device = login(service, null, Map.of("useKeyTab", "true", "keyTab", keytab, "storeKey", "true"));
    say("device", device.getPrincipals().iterator().next());

    GSSManager manager = GSSManager.getInstance();
    GSSContext initiator =
        as(
            client,
            () -> {
              GSSName peer = manager.createName(service, PRINCIPAL_NAME);
              GSSContext context = manager.createContext(peer, KERBEROS, null, GSSContext.DEFAULT_LIFETIME);
              context.requestMutualAuth(true);
              context.requestConf(true);
              context.requestCredDeleg(true);
              return context;
            });
    GSSContext acceptor =
        as(
            device,
            () ->
                manager.createContext(
                    manager.createCredential(
                        null, GSSCredential.INDEFINITE_LIFETIME, KERBEROS, GSSCredential.ACCEPT_ONLY)));
    byte[] token = new byte[0];
    while (!initiator.isEstablished() || !acceptor.isEstablished()) {
      byte[] in = token;
      byte[] out = as(client, () -> initiator.initSecContext(in, 0, in.length));
      if (out == null) break;
      byte[] back = as(device, () -> acceptor.acceptSecContext(out, 0, out.length));
      if (back == null) break;
      token = back;
    }
    say("established", initiator.isEstablished() && acceptor.isEstablished());
    say("mutual", initiator.getMutualAuthState());
    say("delegated", acceptor.getCredDelegState());
    say("source", acceptor.getSrcName());
    say("target", initiator.getTargName());
    say("there", send(initiator, acceptor, "show status"));
    say("back", send(acceptor, initiator, "all is well"));
    for (KerberosTicket ticket : client.getPrivateCredentials(KerberosTicket.class)) {
      if (ticket.getServer().getName().startsWith("host/")) say("service session etype", ticket.getSessionKeyType());
    }
  }

  /** Seals a message at one end and opens it at the other. */
  private static String send(GSSContext from, GSSContext to, String text) throws Exception {
    byte[] plain = text.getBytes(StandardCharsets.UTF_8);
    byte[] sealed = from.wrap(plain, 0, plain.length, new MessageProp(0, true));
    MessageProp seen = new MessageProp(0, false);
    String opened = new String(to.unwrap(sealed, 0, sealed.length, seen), StandardCharsets.UTF_8);
    return seen.getPrivacy() ? opened : opened + " (not sealed)";
  }

  private static Subject login(String principal, String password, Map<String, String> more) throws LoginException {
    Map<String, String> options = new HashMap<>(more);
    options.put("principal", principal);
    options.put("refreshKrb5Config", "true");
    if (password == null) options.put("doNotPrompt", "true");
    Configuration configuration =
        new Configuration() {
          @Override
          public AppConfigurationEntry[] getAppConfigurationEntry(String name) {
            return new AppConfigurationEntry[] {
              new AppConfigurationEntry(
                  "com.sun.security.auth.module.Krb5LoginModule", LoginModuleControlFlag.REQUIRED, options)
            };
          }
        };
    LoginContext context =
        new LoginContext(
            "test",
            new Subject(),
            callbacks -> {
              for (Callback callback : List.of(callbacks)) {
                if (callback instanceof PasswordCallback ask) ask.setPassword(password.toCharArray());
              }
            },
            configuration);
    context.login();
    return context.getSubject();
  }

  @SuppressWarnings("removal")
  private static <T> T as(Subject subject, PrivilegedExceptionAction<T> action) throws Exception {
    return Subject.doAs(subject, action);
  }

  private static void say(String fact, Object value) {
    System.out.println(fact + ": " + value);
  }

  private static Oid oid(String text) {
    try {
      return new Oid(text);
    } catch (org.ietf.jgss.GSSException e) {
      throw new IllegalArgumentException(text, e);
    }
  }
}
