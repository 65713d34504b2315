# signer
