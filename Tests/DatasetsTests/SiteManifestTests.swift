import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct SiteManifestTests {
    static let valid = """
        {"format":"tributary-site","version":1,"dataset":"uci-har","classes":["walking","sitting"],
         "modalities":[{"name":"acc","shape":[128,3]},{"name":"text","shape":[32,8],"lengths":true}],
         "splits":{"train":[{"file":"train-0.safetensors","examples":412},{"file":"b.npz","examples":3}],"test":[]}}
        """

    @Test func readsAndWritesTheSame() throws {
        let manifest = try SiteManifest.parse(Data(Self.valid.utf8), place: "site.json")
        #expect(manifest.dataset == "uci-har")
        #expect(manifest.counts == ["train": 415, "test": 0])
        #expect(manifest.examples(in: "validation") == 0)
        #expect(manifest.modalities[1].hasLengths)
        let encoded = try JSONEncoder().encode(manifest)
        #expect(try SiteManifest.parse(encoded, place: "again") == manifest)
    }

    @Test func aNumberOfClassesIsEnough() throws {
        let text = Self.valid.replacing(#"["walking","sitting"]"#, with: "3")
        #expect(try SiteManifest.parse(Data(text.utf8), place: "x").classes == ["class-0", "class-1", "class-2"])
    }

    @Test(arguments: [
        (#""tributary-site""#, #""other""#, "format"),
        (#""version":1"#, #""version":2"#, "version is 2"),
        (#""dataset":"uci-har","#, "", "key dataset is missing"),
        (#""uci-har""#, #""../x""#, "dataset"),
        (#"["walking","sitting"]"#, "0", "classes is 0"),
        (#"["walking","sitting"]"#, "5000", "classes is 5000"),
        (#"["walking","sitting"]"#, #"["a","a"]"#, "two classes"),
        (#"["walking","sitting"]"#, "[]", "0 classes"),
        (#"[128,3]"#, "[128,-3]", "shape"),
        (#"[128,3]"#, "[128000000,3000]", "elements"),
        (#"[128,3]"#, #""x""#, "modalities.[0].shape"),
        (#""name":"text""#, #""name":"acc""#, "different names"),
        ("train-0.safetensors", "../train-0.safetensors", "plain name"),
        ("train-0.safetensors", "/etc/x.safetensors", "plain name"),
        ("train-0.safetensors", "..", "plain name"),
        ("train-0.safetensors", ".hidden.safetensors", "plain name"),
        ("train-0.safetensors", "a\\u0000b.safetensors", "plain name"),
        ("train-0.safetensors", "train.csv", "plain name"),
        ("\"examples\":412", "\"examples\":-1", "-1 examples"),
        ("\"examples\":412", "\"examples\":\"many\"", "splits.train.[0].examples"),
        ("\"examples\":412", "\"examples\":999999999", "more than"),
        ("\"examples\":412", "\"examples\":412,\"sha256\":\"ABC\"", "sha256"),
        ("\"train\"", "\"tr/ain\"", "split name"),
    ])
    func brokenManifestsSayWhere(find: String, replace: String, expected: String) throws {
        let text = Self.valid.replacing(find, with: replace)
        try #require(text != Self.valid)
        let error = try #require(throws: DatasetError.self) {
            try SiteManifest.parse(Data(text.utf8), place: "here/site.json")
        }
        #expect(error.message.hasPrefix("here/site.json: "))
        #expect(error.message.contains(expected), "\(error.message)")
    }

    @Test func filesAreCappedAndRegular() throws {
        let folder = try TemporaryFolder()
        #expect(throws: DatasetError.self) { try SiteManifest.load(folder: folder.path) }
        try folder.write(Data(repeating: 0x20, count: SiteManifest.maximumBytes + 1), to: "site.json")
        let large = try #require(throws: DatasetError.self) { try SiteManifest.load(folder: folder.path) }
        #expect(large.code == .tooLarge)
        try FileManager.default.removeItem(atPath: folder.path + "/site.json")
        #expect(mkfifo(folder.path + "/site.json", 0o600) == 0)
        let pipe = try #require(throws: DatasetError.self) { try SiteManifest.load(folder: folder.path) }
        #expect(pipe.code == .inputOutput)
    }
}
