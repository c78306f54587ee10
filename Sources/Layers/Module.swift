public import Tensors

/// A part of a model that holds named parameters.
///
/// Names follow PyTorch's `state_dict`: those of a child are its own with the child's name and a dot before them, for
/// example `acc_conv.conv1.weight`. The order is the one of declaration, a module's own parameters first.
///
/// Modules are classes that belong to one thread, like the tensors they hold.
public protocol Module: AnyObject {
    /// The parameters of the module itself, without those of its children.
    var ownParameters: [(name: String, tensor: Tensor)] { get }

    /// The modules inside, by name.
    var children: [(name: String, module: any Module)] { get }
}

/// A module that maps one tensor to one tensor.
public protocol UnaryModule: Module {
    /// Computes the output.
    ///
    /// - Throws: `TensorError` when the input's shape does not fit.
    func forward(_ input: Tensor, _ context: ForwardContext) throws(TensorError) -> Tensor
}

extension Module {
    /// None, for modules made of others.
    public var ownParameters: [(name: String, tensor: Tensor)] { [] }

    /// None, for modules that hold no others.
    public var children: [(name: String, module: any Module)] { [] }

    /// All parameters under their full names.
    public func parameters() -> [(name: String, tensor: Tensor)] {
        var all = ownParameters
        for (prefix, child) in children {
            for (name, tensor) in child.parameters() {
                all.append((name: "\(prefix).\(name)", tensor: tensor))
            }
        }
        return all
    }

    /// The number of trained numbers.
    public var parameterCount: Int {
        parameters().reduce(0) { $0 + $1.tensor.count }
    }

    /// Removes all gradients.
    public func zeroGradients() throws(TensorError) {
        for (_, tensor) in parameters() {
            try tensor.zeroGradient()
        }
    }
}
