/// What a coordinator checks of signatures, so that a wrong one costs its sender the round and not everybody.
extension KeyAdvertisement {
    /// Whether the client signed its keys for this round.
    public func isSigned(in round: SecureRound, accordingTo identity: some SecureIdentity) -> Bool {
        identity.isValid(signature, of: signedBytes(round), by: client)
    }
}

extension SecureExchange {
    /// Whether a client signed the list that ``closeMasking()`` gave.
    public func isSigned(_ signature: SurvivorSignature, accordingTo identity: some SecureIdentity) -> Bool {
        let digest = SecureDigest.survivors(
            survivors, roster: SecureDigest.roster(roster, round.binding), round.binding)
        return identity.isValid(signature.signature, of: digest, by: signature.client)
    }
}
