internal import Datasets

/// `label-flip`: of C classes, class C − 1 − c stands in place of c.
///
/// V. Tolpegin, S. Truex, M. E. Gursoy, L. Liu, "Data poisoning attacks against federated learning systems", ESORICS 2020;
/// the mapping of all classes is that of M. Fang, X. Cao, J. Jia, N. Z. Gong, USENIX Security 2020.
struct LabelFlip: DataAttack {
    func poisoned(_ data: DatasetView, _ context: AttackContext) throws -> DatasetView {
        let own = try data.materialised()
        let last = own.classes.count - 1
        return try own.replacingLabels(own.labels.map { last - $0 }).all
    }
}
