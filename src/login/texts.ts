/** Languages of the login page. */
export const LANGUAGES = ['en', 'de'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The one of our languages that `Accept-Language` prefers (RFC 9110 section 12.5.4); English where it names none of them. */
export function preferredLanguage(header: string | undefined): Language {
  let best: { language: Language; weight: number } | undefined;
  for (const range of (header ?? '').slice(0, 500).split(',')) {
    const [tag = '', ...parameters] = range.trim().split(/\s*;\s*/);
    const language = languageOf(tag.split('-')[0]?.toLowerCase());
    const weight = Number(parameters.find((one) => one.startsWith('q='))?.slice(2) ?? 1);
    if (language !== undefined && weight > (best?.weight ?? 0)) best = { language, weight };
  }
  return best?.language ?? 'en';
}

/** The language of that code, if it is one of ours. */
export function languageOf(code: string | undefined): Language | undefined {
  return LANGUAGES.find((language) => language === code);
}

/** What a person reads. Functions take what differs. */
export interface Texts {
  readonly languageName: string;
  readonly title: (realm: string) => string;
  readonly error: string;
  readonly intro: (device: string, address: string) => string;
  readonly user: string;
  readonly userHint: (realm: string) => string;
  readonly password: string;
  readonly logIn: string;
  readonly cancel: string;
  readonly changeTitle: string;
  readonly changeIntro: string;
  readonly oldPassword: string;
  readonly newPassword: string;
  readonly repeatPassword: string;
  readonly change: string;
  readonly notEqual: string;
  readonly empty: string;
  readonly refused: string;
  readonly locked: string;
  readonly expired: string;
  readonly unreachable: string;
  readonly notProven: string;
  readonly clock: (seconds: number) => string;
  readonly realmHint: (realm: string) => string;
  readonly noRight: (name: string) => string;
  readonly groups: string;
  readonly noGroups: string;
  readonly rejected: (why: string) => string;
  readonly staleForm: string;
  readonly goneTitle: string;
  readonly gone: string;
  readonly aboutTitle: string;
  readonly about: string;
}

const en: Texts = {
  languageName: 'English',
  title: (realm) => `Log in to ${realm}`,
  error: 'Error',
  intro: (device, address) =>
    `You log in to the device ${device}. Afterwards you are taken back to ${address}.`,
  user: 'User name',
  userHint: (realm) =>
    `REALM\\user or user@REALM, the realm exactly as it is written. Without a realm: ${realm}.`,
  password: 'Password',
  logIn: 'Log in',
  cancel: 'Back to the device without logging in',
  changeTitle: 'Choose a new password',
  changeIntro: 'The password has expired. Once it is changed you are logged in.',
  oldPassword: 'Current password',
  newPassword: 'New password',
  repeatPassword: 'New password once more',
  change: 'Change the password and log in',
  notEqual: 'The two new passwords differ. Type them again.',
  empty: 'Type a user name and a password.',
  refused: 'The user name or the password is wrong. Check the realm and the keyboard, too.',
  locked:
    'This account cannot log in at the moment. Wait a while before you try again, or ask whoever keeps the accounts.',
  expired: 'The password has expired.',
  unreachable:
    'The servers of the realm do not answer. Try again later; the device may have a local account for emergencies.',
  notProven: 'The server that answered could not prove to be one of the realm. Tell whoever runs the realm.',
  clock: (seconds) =>
    `The clock of your realm differs from ours by ${Math.abs(seconds)} seconds. Tell whoever runs the realm.`,
  realmHint: (realm) =>
    `The realm is called ${realm}, exactly so. The name was corrected below; type the password again.`,
  noRight: (name) =>
    `You are ${name}, but you have no right on this device. Ask whoever keeps the realm, and show them the groups below.`,
  groups: 'Groups that were received',
  noGroups: 'None.',
  rejected: (why) => `The new password was not accepted. ${why}`,
  staleForm: 'This form was too old or came from another page. Type everything again.',
  goneTitle: 'This login is over',
  gone: 'It has ended, was used already, or belongs to another server. Go back to the device and begin again.',
  aboutTitle: 'Login for devices',
  about:
    'This page is opened by a device of the realm that wants you to log in. Open the page of the device, and log in from there.',
};

const de: Texts = {
  languageName: 'Deutsch',
  title: (realm) => `Anmelden bei ${realm}`,
  error: 'Fehler',
  intro: (device, address) => `Sie melden sich am Gerät ${device} an. Danach geht es zurück zu ${address}.`,
  user: 'Benutzername',
  userHint: (realm) =>
    `REALM\\benutzer oder benutzer@REALM, der Realm genau so geschrieben, wie er heißt. Ohne Realm: ${realm}.`,
  password: 'Passwort',
  logIn: 'Anmelden',
  cancel: 'Ohne Anmeldung zurück zum Gerät',
  changeTitle: 'Neues Passwort wählen',
  changeIntro: 'Das Passwort ist abgelaufen. Sobald es geändert ist, sind Sie angemeldet.',
  oldPassword: 'Bisheriges Passwort',
  newPassword: 'Neues Passwort',
  repeatPassword: 'Neues Passwort noch einmal',
  change: 'Passwort ändern und anmelden',
  notEqual: 'Die beiden neuen Passwörter sind verschieden. Geben Sie sie noch einmal ein.',
  empty: 'Geben Sie Benutzername und Passwort ein.',
  refused: 'Benutzername oder Passwort ist falsch. Prüfen Sie auch Realm und Tastatur.',
  locked:
    'Dieses Konto kann sich im Moment nicht anmelden. Warten Sie etwas, bevor Sie es wieder versuchen, oder fragen Sie die Verwaltung der Konten.',
  expired: 'Das Passwort ist abgelaufen.',
  unreachable:
    'Die Server des Realms antworten nicht. Versuchen Sie es später; vielleicht hat das Gerät ein eigenes Konto für Notfälle.',
  notProven:
    'Der Server, der geantwortet hat, konnte nicht beweisen, dass er zum Realm gehört. Sagen Sie es den Betreibern des Realms.',
  clock: (seconds) =>
    `Die Uhr Ihres Realms weicht um ${Math.abs(seconds)} Sekunden von unserer ab. Sagen Sie es den Betreibern des Realms.`,
  realmHint: (realm) =>
    `Der Realm heißt ${realm}, genau so. Der Name ist unten berichtigt; geben Sie das Passwort noch einmal ein.`,
  noRight: (name) =>
    `Sie sind ${name}, haben aber kein Recht auf diesem Gerät. Fragen Sie die Betreiber des Realms, und zeigen Sie ihnen die Gruppen unten.`,
  groups: 'Empfangene Gruppen',
  noGroups: 'Keine.',
  rejected: (why) => `Das neue Passwort wurde nicht angenommen. ${why}`,
  staleForm: 'Dieses Formular war zu alt oder kam von einer anderen Seite. Geben Sie alles noch einmal ein.',
  goneTitle: 'Diese Anmeldung ist zu Ende',
  gone: 'Sie ist abgelaufen, wurde schon benutzt oder gehört zu einem anderen Server. Gehen Sie zurück zum Gerät und beginnen Sie neu.',
  aboutTitle: 'Anmeldung für Geräte',
  about:
    'Diese Seite wird von einem Gerät des Realms geöffnet, an dem Sie sich anmelden sollen. Öffnen Sie die Seite des Geräts, und melden Sie sich von dort aus an.',
};

export const TEXTS: Readonly<Record<Language, Texts>> = { en, de };
