/** Why a well-formed PAC is refused. Stable: the KDC turns each into one wire error, one event and one sentence. */
export type PacReason =
  /** A buffer that the ticket must carry is not there. */
  | 'pac-no-logon-info'
  | 'pac-no-client-info'
  | 'pac-no-requester-sid'
  | 'pac-no-signature'
  /** A signature is not of the type that goes with the key: unkeyed, or made for another etype. */
  | 'pac-signature-type'
  | 'pac-server-signature'
  | 'pac-kdc-signature'
  | 'pac-ticket-signature'
  | 'pac-full-signature'
  /** CLIENT_INFO names another client than the ticket, or another authtime. */
  | 'pac-client-name'
  | 'pac-client-time'
  /** The ticket's client is neither the account of LOGON_INFO nor, as an enterprise name, its UPN. */
  | 'pac-account-name'
  /** UPN_DNS_INFO has another account name than LOGON_INFO. */
  | 'pac-sam-name'
  /** UPN_DNS_INFO has another domain than the ticket's client realm. */
  | 'pac-realm'
  /** LOGON_INFO, UPN_DNS_INFO and REQUESTER_SID do not have one and the same SID, or not that of the account. */
  | 'pac-sid'
  /** A foreign PAC whose account is of a domain that the trust does not name, or of that domain's SID under another NETBIOS name. */
  | 'pac-domain-sid'
  | 'pac-domain-name'
  /** A foreign PAC that claims an account, or resource groups, of our own realm. */
  | 'pac-own-domain'
  | 'pac-own-resource-groups';
