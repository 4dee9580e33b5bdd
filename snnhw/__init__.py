"""The toolkit: trained spiking networks become Verilog that is proved equal to a golden model.

Nothing is imported here, so that `import snnhw.network` loads the description and nothing else.
"""
