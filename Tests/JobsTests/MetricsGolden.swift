// Made by Golden/make_golden.py with scikit-learn; do not edit.
// swift-format-ignore-file

struct MetricsGolden: Sendable {
    var confusion: [[Int]]
    var accuracy: Double
    var macroF1: Double
    var unweightedRecall: Double
    var weightedF1: Double
}

let metricsGolden: [MetricsGolden] = [
    MetricsGolden(
        confusion: [[14, 5], [1, 20]],
        accuracy: 0.85,
        macroF1: 0.8465473145780051,
        unweightedRecall: 0.844611528822055,
        weightedF1: 0.84769820971867),
    MetricsGolden(
        confusion: [[27, 3, 1, 7, 3, 3], [2, 27, 3, 2, 4, 2], [1, 2, 48, 3, 5, 4], [1, 3, 4, 34, 4, 7], [7, 2, 2, 6, 29, 0], [4, 8, 2, 2, 4, 34]],
        accuracy: 0.6633333333333333,
        macroF1: 0.6572625645994183,
        unweightedRecall: 0.6586858286236191,
        weightedF1: 0.664281830715353),
    MetricsGolden(
        confusion: [[7, 5, 3, 3, 1, 1], [3, 13, 1, 4, 1, 3], [0, 0, 0, 0, 0, 0], [1, 2, 0, 17, 3, 0], [1, 4, 1, 1, 22, 3], [1, 2, 0, 2, 1, 14]],
        accuracy: 0.6083333333333333,
        macroF1: 0.5050510847354464,
        unweightedRecall: 0.5993260869565218,
        weightedF1: 0.616626248134139),
    MetricsGolden(
        confusion: [[12, 0, 1, 7, 0, 0], [6, 18, 1, 1, 0, 1], [0, 6, 9, 1, 0, 2], [3, 2, 3, 4, 0, 1], [5, 6, 5, 4, 0, 3], [1, 0, 0, 2, 0, 16]],
        accuracy: 0.49166666666666664,
        macroF1: 0.4365331729648354,
        unweightedRecall: 0.4860773729194781,
        weightedF1: 0.44308574551317065),
    MetricsGolden(
        confusion: [[23, 0, 1, 0, 3], [0, 0, 0, 0, 0], [1, 0, 22, 2, 1], [0, 0, 0, 0, 0], [1, 0, 1, 4, 21]],
        accuracy: 0.825,
        macroF1: 0.6430769230769231,
        unweightedRecall: 0.8252611585944919,
        weightedF1: 0.8571538461538462),
    MetricsGolden(
        confusion: [[0, 0, 0], [8, 0, 0], [17, 0, 0]],
        accuracy: 0.0,
        macroF1: 0.0,
        unweightedRecall: 0.0,
        weightedF1: 0.0),
    MetricsGolden(
        confusion: [[7]],
        accuracy: 1.0,
        macroF1: 1.0,
        unweightedRecall: 1.0,
        weightedF1: 1.0),
    MetricsGolden(
        confusion: [[138, 6, 6, 6, 3, 5, 4, 8, 7, 8, 7, 8], [11, 163, 9, 8, 11, 8, 5, 11, 6, 13, 6, 9], [8, 7, 177, 8, 7, 6, 8, 6, 12, 6, 9, 12], [9, 7, 11, 159, 10, 9, 7, 13, 11, 8, 3, 5], [6, 5, 9, 13, 159, 9, 4, 6, 2, 9, 6, 8], [7, 8, 6, 12, 8, 151, 9, 11, 11, 6, 9, 16], [8, 7, 5, 7, 7, 4, 139, 5, 11, 9, 13, 7], [5, 9, 7, 7, 13, 12, 11, 170, 8, 7, 6, 6], [3, 6, 10, 8, 6, 11, 7, 9, 163, 6, 13, 8], [6, 9, 5, 9, 5, 12, 13, 11, 11, 146, 9, 9], [11, 6, 9, 7, 13, 5, 5, 8, 4, 10, 188, 6], [8, 7, 9, 8, 1, 7, 7, 11, 8, 4, 7, 146]],
        accuracy: 0.6443841194435018,
        macroF1: 0.6436805488239036,
        unweightedRecall: 0.6443899489396966,
        weightedF1: 0.644245426042119),
]
