public import Privacy

extension SecureExclusion {
    /// What the round's history says of the client: an offence where most of its neighbours accuse it.
    public var refusal: AdmissionRefusal {
        AdmissionRefusal(
            code: isToBlame ? AdmissionRules.secureShares : AdmissionRules.secureAggregation, reason: reason)
    }
}
