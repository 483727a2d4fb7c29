/** What an authentication indicator (RFC 8129) about a right begins with; the right's name follows: docs/decisions/0003. */
export const RIGHT_INDICATOR = 'realmward:';
